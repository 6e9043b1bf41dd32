"""OpenAI's `POST /v1/moderations`, as its API reference describes it.

It reads words: `violent` is violence, `graphic` both kinds of it, `insult` harassment. Like the
real one it drops what is past 32,768 tokens without saying so; here every byte is a token.
"""

from __future__ import annotations

from typing import Any

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn

KEY = "sk-stand-in"
TOKENS_MAX = 32_768
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_WORDS = {
    "violent": {"violence": 0.95},
    "graphic": {"violence": 0.8, "violence/graphic": 0.9},
    "insult": {"harassment": 0.7},
    "rude": {"harassment": 0.3},
}


class OpenaiModerationsStandIn(StandIn):
    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return 401, self.refusal(401)
        question = asked.json
        texts = question["input"]
        if asked.path != "/v1/moderations" or not isinstance(texts, list) or not texts:
            return 400, self.refusal(400)
        if len(texts) > 32 or not all(isinstance(text, str) for text in texts):
            return 400, self.refusal(400)
        results = [_result(text.encode()[:TOKENS_MAX].decode(errors="ignore")) for text in texts]
        return 200, {"id": "modr-1", "model": question["model"], "results": results}

    def refusal(self, status: int) -> Any:
        code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
        return {"error": {"message": "no", "type": "x", "param": None, "code": code}}


def _result(text: str) -> dict[str, Any]:
    scores = dict.fromkeys(CATEGORIES, 0.0001)
    for word, raised in _WORDS.items():
        if word in text:
            scores |= raised
    flags = {name: score >= 0.5 for name, score in scores.items()}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
