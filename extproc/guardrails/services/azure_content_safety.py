"""Azure AI Content Safety.

Source: REST reference, "Text Operations - Analyze Text" (2024-09-01): one text of at most 10,000
Unicode code points; `categoriesAnalysis` with a severity for each category that was asked for,
`blocklistsMatch` with the items that were met. Eight levels are asked for, so that every threshold
means what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from extproc.config.azure_content_safety_settings import (
    SEVERITY_MAX,
    AzureContentSafetySettings,
)
from extproc.guardrails.services.credentials import secret_text
from extproc.guardrails.services.json_call import a_count, a_list, a_text, an_object, ask_json
from extproc.guardrails.services.pieces import Piece, cut, pack
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.together import ask_all, strongest
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Remark

CHARS_MAX = 10_000
OVERLAP = 256
"""More than the 128 characters that an item of a blocklist may have."""
APART_MAX = 8
_LABELS: Mapping[str, str] = {
    "Hate": "HATE", "SelfHarm": "SELF_HARM", "Sexual": "SEXUAL", "Violence": "VIOLENCE",
}  # fmt: skip


def service(settings: AzureContentSafetySettings, ports: Ports) -> AzureContentSafety:
    """`endpoint`: the resource's URL."""
    return AzureContentSafety(settings, ports)


class AzureContentSafety:
    def __init__(self, settings: AzureContentSafetySettings, ports: Ports) -> None:
        self.endpoint = settings.base_url
        version = settings.api_version
        self._url = f"{self.endpoint}/contentsafety/text:analyze?api-version={version}"
        self._settings = settings
        self._http = ports.http
        self._question = {
            "categories": list(settings.categories),
            "blocklistNames": list(settings.blocklist_names),
            "haltOnBlocklistHit": False,
            "outputType": "EightSeverityLevels",
        }

    async def ask(self, exam: Exam) -> Opinion:
        pieces = pack(cut(exam.passages, CHARS_MAX, OVERLAP), CHARS_MAX, APART_MAX)
        return await ask_all([partial(self._piece, exam, piece) for piece in pieces])

    async def _piece(self, exam: Exam, piece: Piece) -> Opinion:
        key = {"ocp-apim-subscription-key": secret_text(self._settings.api_key)}
        question = {"text": piece.text, **self._question}
        reply = an_object(await ask_json(self._http, self._url, question, key))
        return Opinion(strongest(self._remarks(reply, piece.path(exam.passages))))

    def _remarks(self, reply: dict[str, Any], path: str) -> Iterator[Remark]:
        severities = _severities(reply)
        found = [
            Remark(_LABELS[name], path, min(severity, SEVERITY_MAX) / SEVERITY_MAX)
            for name, severity in severities.items()
            if name in self._settings.categories and severity >= self._settings.severity_threshold
        ]
        # The field may be missing where no blocklist was asked for, and only there.
        met = reply.get("blocklistsMatch") if "blocklistsMatch" in reply else None
        if met is not None or self._settings.blocklist_names:
            found += [Remark("BLOCKLIST", path)] if a_list(met) else []
        if not found and not severities.keys() >= set(self._settings.categories):
            raise GuardrailFault("bad_answer")
        yield from found


def _severities(reply: dict[str, Any]) -> dict[str, int]:
    analysis = [an_object(one) for one in a_list(reply.get("categoriesAnalysis"))]
    return {a_text(one.get("category")): a_count(one.get("severity")) for one in analysis}
