"""A Presidio analyzer: `POST /analyze`, after the `app.py` of its repository.

Finds e-mail addresses, the person `John Smith` (low score: `J. Smith`) and badge numbers of a
recognizer of its owner's.
"""

from __future__ import annotations

import re
from typing import Any

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn

TEXT_MAX = 1_000_000
_RECOGNIZERS = (
    ("EMAIL_ADDRESS", re.compile(r"[\w.+-]+@[\w-]+\.\w+"), 1.0),
    ("URL", re.compile(r"(?<=@)[\w-]+\.\w+"), 0.5),
    ("PERSON", re.compile(r"John Smith"), 0.85),
    ("PERSON", re.compile(r"J\. Smith"), 0.4),
    ("BADGE", re.compile(r"B-\d{4}"), 0.9),
)


class PresidioStandIn(StandIn):
    def answer(self, asked: Asked) -> Answer:
        question = asked.json
        text, language = question.get("text"), question.get("language")
        if asked.path != "/analyze":
            return 404, {"error": "The requested URL was not found on the server."}
        if not text:
            return 500, {"error": "No text provided"}
        if not language:
            return 500, {"error": "No language provided"}
        if language != "en":
            return 500, {"error": "No matching recognizers were found to serve the request."}
        if len(text) > TEXT_MAX:
            return 500, {"error": f"[E088] Text of length {len(text)} exceeds maximum"}
        return 200, _found(text, question)


def _found(text: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    wanted, least = question.get("entities"), question.get("score_threshold") or 0
    return [
        {"analysis_explanation": None, "entity_type": name, "start": match.start(),
         "end": match.end(), "score": score}
        for name, pattern, score in _RECOGNIZERS
        if (wanted is None or name in wanted) and score >= least
        for match in pattern.finditer(text)
    ]  # fmt: skip
