"""A service of your own: asked with the bodies, answers with a verdict and perhaps other texts.

Promises: `{"verdict": false}` refuses and its `message` reaches the caller; `{"verdict": true,
"transformed": true, "result": body}` may change texts, and nothing but texts; without a `verdict`
only `"result": false` refuses (the contract's own table). Any other status than 2xx, and anything
that is no JSON object or `null`, is a fault.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from extproc.config.webhook_settings import WebhookSettings
from extproc.guardrails.services.credentials import bearer, secret_text
from extproc.guardrails.services.json_call import a_flag, an_object, ask_json
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.shown_body import ShownBody, answer_body, request_body
from extproc.guardrails.services.target import ON_REQUESTS, judges_request
from extproc.guardrails.services.together import MESSAGE_CHARS_MAX
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark, Scene

DENIED = "WEBHOOK_DENIED"


def service(settings: WebhookSettings, ports: Ports) -> Webhook:
    """`endpoint`: the URL."""
    return Webhook(settings, ports)


class Webhook:
    def __init__(self, settings: WebhookSettings, ports: Ports) -> None:
        self.endpoint = settings.url
        self._settings = settings
        self._http = ports.http

    async def ask(self, exam: Exam) -> Opinion:
        request = request_body(exam)
        answer = None if judges_request(exam, self._settings.target) else answer_body(exam)
        question = self._question(exam.scene, request, answer)
        reply = await ask_json(self._http, self.endpoint, question, self._headers(exam.scene))
        # The request is on its way when its answer is looked at: it cannot be changed any more.
        changeable = answer or (request if exam.hook in ON_REQUESTS else None)
        return judged(reply, changeable, exam.passages)

    def _question(
        self, scene: Scene, request: ShownBody, answer: ShownBody | None
    ) -> dict[str, Any]:
        question: dict[str, Any] = {
            "requestBody": request.body,
            "context": {"user": _user(scene.principal), "metadata": dict(scene.metadata)},
            "config": dict(self._settings.config),
        }
        if answer is not None:
            question["responseBody"] = answer.body
        return question

    def _headers(self, scene: Scene) -> dict[str, str]:
        settings = self._settings
        headers = dict(settings.headers)
        headers |= {name: secret_text(ref) for name, ref in settings.secret_headers.items()}
        if scene.traceparent:
            headers["traceparent"] = scene.traceparent
        auth = settings.auth_data
        if auth is None:
            return headers
        if auth.bearer_token is not None:
            return headers | bearer(auth.bearer_token)
        assert auth.password is not None
        pair = f"{auth.username}:{secret_text(auth.password)}".encode("ascii")
        return headers | {"authorization": f"Basic {b64encode(pair).decode()}"}


def judged(reply: Any, shown: ShownBody | None, passages: tuple[Passage, ...]) -> Opinion:
    """What a reply of 2xx means. `shown`: the body that may come back with other texts."""
    if reply is None:
        return Opinion()
    answer = an_object(reply)
    if _denied(answer):
        message = answer.get("message")
        told = message[:MESSAGE_CHARS_MAX] if isinstance(message, str) else ""
        return Opinion((Remark(DENIED),), message=told)
    if not a_flag(answer.get("transformed", False)):
        return Opinion()
    if shown is None:
        raise GuardrailFault("bad_answer")
    return Opinion(texts=shown.changes(answer.get("result"), passages))


def _denied(answer: Mapping[str, Any]) -> bool:
    if "verdict" in answer:
        return not a_flag(answer["verdict"])
    return answer.get("result") is False


def _user(principal: Mapping[str, str]) -> dict[str, str]:
    name = principal.get("name", "")
    return {
        "subjectId": name,
        "subjectType": principal.get("type", ""),
        "subjectSlug": name,
        "subjectDisplayName": name,
    }
