"""Azure AI Content Safety's `POST /contentsafety/text:analyze`, version 2024-09-01.

It reads `<category>:<severity>` out of the text (`Hate:5`) and the blocklist's items.
"""

from __future__ import annotations

import re
from typing import Any

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn

KEY = "azure-stand-in"
CATEGORIES = ("Hate", "SelfHarm", "Sexual", "Violence")
BLOCKLISTS = {"secret-projects": ("project falcon",)}


class AzureContentSafetyStandIn(StandIn):
    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("ocp-apim-subscription-key") != KEY:
            return 401, self.refusal(401)
        if asked.path != "/contentsafety/text:analyze" or asked.query != "api-version=2024-09-01":
            return 404, self.refusal(404)
        question = asked.json
        text, wanted = question["text"], question.get("categories") or list(CATEGORIES)
        if not 0 < len(text) <= 10_000 or not set(wanted) <= set(CATEGORIES):
            return 400, self.refusal(400)
        names = question.get("blocklistNames") or []
        if not set(names) <= BLOCKLISTS.keys():
            return 404, self.refusal(404)
        levels = question.get("outputType", "FourSeverityLevels")
        analysis = [
            {"category": name, "severity": _severity(name, text, levels)} for name in wanted
        ]
        return 200, {"blocklistsMatch": _met(names, text), "categoriesAnalysis": analysis}

    def refusal(self, status: int) -> Any:
        codes = {400: "InvalidRequestBody", 401: "401", 404: "ResourceNotFound",
                 429: "TooManyRequests"}  # fmt: skip
        return {"error": {"code": codes.get(status, "InternalError"), "message": "no"}}


def _severity(name: str, text: str, levels: str) -> int:
    found = max((int(n) for n in re.findall(rf"{name}:(\d)", text)), default=0)
    return found if levels == "EightSeverityLevels" else found // 2 * 2


def _met(names: list[str], text: str) -> list[dict[str, str]]:
    return [
        {"blocklistName": name, "blocklistItemId": "1", "blocklistItemText": item}
        for name in names
        for item in BLOCKLISTS[name]
        if item in text
    ]
