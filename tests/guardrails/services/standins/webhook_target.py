"""A custom webhook: the contract's schema in, whatever reply the test wants out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn

_USER = {"subjectId", "subjectType", "subjectSlug", "subjectDisplayName"}


class WebhookTarget(StandIn):
    """`reply`: from the parsed question to the reply's body."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: Callable[[Any], Any] = lambda question: {"verdict": True}
        self.authorization = ""

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization", "") != self.authorization:
            return 401, {"message": "who are you"}
        question = asked.json
        known = {"requestBody", "responseBody", "context", "config"}
        context = question["context"]
        if not question.keys() <= known or not isinstance(question["requestBody"], dict):
            return 400, {"message": "schema"}
        if context.keys() != {"user", "metadata"} or context["user"].keys() != _USER:
            return 400, {"message": "schema"}
        return 200, self.reply(question)
