"""OpenAI's moderation models.

Source: API reference, "Create moderation" (POST /v1/moderations): an array of texts in, one result
per text out, in order; `categories` are flags, `category_scores` from 0 to 1. The models read at
most 32,768 tokens of a text and drop the rest without saying so, hence CHARS_MAX: a byte-level
tokenizer makes at most one token per byte, and a character has at most four.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from extproc.config.openai_moderations_settings import (
    MODERATION_CATEGORIES,
    OpenaiModerationsSettings,
)
from extproc.guardrails.services.credentials import bearer
from extproc.guardrails.services.json_call import a_flag, a_list, a_score, an_object, ask_json
from extproc.guardrails.services.pieces import PIECES_MAX, Piece, cut
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.together import ask_all, strongest
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Remark

CHARS_MAX = 8_192
OVERLAP = 512
INPUTS_MAX = 32
_LABELS: Mapping[str, str] = {
    name: name.replace("/", "_").replace("-", "_").upper() for name in MODERATION_CATEGORIES
}


def service(settings: OpenaiModerationsSettings, ports: Ports) -> OpenaiModerations:
    """`endpoint`: the URL of the moderations."""
    return OpenaiModerations(settings, ports)


class OpenaiModerations:
    def __init__(self, settings: OpenaiModerationsSettings, ports: Ports) -> None:
        self.endpoint = settings.base_url.rstrip("/") + "/moderations"
        self._settings = settings
        self._http = ports.http

    async def ask(self, exam: Exam) -> Opinion:
        pieces = cut(exam.passages, CHARS_MAX, OVERLAP)
        batches = [pieces[i : i + INPUTS_MAX] for i in range(0, len(pieces), INPUTS_MAX)]
        if len(batches) > PIECES_MAX:
            raise GuardrailFault("too_large")
        return await ask_all([partial(self._batch, exam, batch) for batch in batches])

    async def _batch(self, exam: Exam, batch: Sequence[Piece]) -> Opinion:
        question = {"model": self._settings.model, "input": [piece.text for piece in batch]}
        key = bearer(self._settings.api_key)
        reply = an_object(await ask_json(self._http, self.endpoint, question, key))
        results = a_list(reply.get("results"))
        if len(results) != len(batch):
            raise GuardrailFault("bad_answer")
        return Opinion(
            strongest(
                remark
                for piece, result in zip(batch, results, strict=True)
                for remark in self._remarks(an_object(result), piece.path(exam.passages))
            )
        )

    def _remarks(self, result: dict[str, Any], path: str) -> Iterator[Remark]:
        flags, scores = an_object(result.get("categories")), _scores(result)
        thresholds = self._settings.category_thresholds
        for name, threshold in thresholds.items():
            if (score := a_score(scores.get(name))) >= threshold:
                yield Remark(_LABELS[name], path, score)
        # Models of before have no flag for every category: null, and a score of 0.
        named = [name for name, flag in flags.items() if flag is not None and a_flag(flag)]
        for name in named:
            if name not in thresholds:
                yield Remark(_LABELS.get(name, "OTHER"), path, scores.get(name))
        if a_flag(result.get("flagged")) and not named:
            yield Remark("OTHER", path)


def _scores(result: dict[str, Any]) -> dict[str, float]:
    given = an_object(result.get("category_scores"))
    return {name: a_score(score) for name, score in given.items() if score is not None}
