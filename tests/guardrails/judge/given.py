"""What the tests of judges start from: settings, an exam, and a stand-in of the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

from extproc.config.judge_settings import JudgeSettings
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import Exam, Passage, Scene

DECISION = "0193a2c4-77aa-7bbb-8ccc-123456789abc"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OWN = ({"name": "NO_LEGAL_ADVICE", "description": "Gives advice on a legal case."},
       {"name": "RUDE", "description": "Insults the reader."})  # fmt: skip
SUITE = (
    {"criteria": "groundedness"},
    {"criteria": "relevance"},
    {"criteria": "topic", "topics": {"allow": ("cooking",), "deny": ("politics", 'the "west"')}},
    {"criteria": OWN},
)


def settings(**changes: Any) -> JudgeSettings:
    """As the loader reads them."""
    values = {"account": "judges", "model": "prod/judge", "criteria": "groundedness", **changes}
    text = json.dumps(values)
    return JudgeSettings.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def passage(text: str, role: Any = "assistant", path: str = "p") -> Passage:
    return Passage(path, role, text)


ASKED = (
    passage("You answer from the documents.", "system"),
    passage("When was the bridge built?", "user"),
    passage("I have looked it up.", "assistant"),
    passage("The bridge was opened in 1932.", "tool"),
)


def exam(*answers: str, **changes: Any) -> Exam:
    """An answer at the output hook, in the usual scene."""
    scene = Scene(decision_id=DECISION, traceparent=TRACE)
    values = {"scene": scene, "asked": ASKED, **changes}
    shown = tuple(passage(text, path=f"choices[{n}].message.content")
                  for n, text in enumerate(answers or ("It was opened in 1932.",)))  # fmt: skip
    return Exam(**{"hook": "llm_output", "passages": shown, **values})


def answer(content: Any) -> dict[str, Any]:
    """A whole Chat Completions answer."""
    message = {"role": "assistant", "content": content}
    return {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}


def token_of(body: Mapping[str, Any]) -> str:
    """What a model reads its token from: the line behind the blocks."""
    return str(body["messages"][1]["content"].rsplit(" ", 1)[1].rstrip("."))


def scored(score: float, body: Mapping[str, Any]) -> str:
    """A well-behaved model: every label of the schema gets this score."""
    labels = body["response_format"]["json_schema"]["schema"]["properties"]["scores"]["required"]
    return json.dumps(
        {"token": token_of(body), "reasoning": "-", "scores": dict.fromkeys(labels, score)}
    )


Model = Callable[[Mapping[str, Any]], web.Response]


def says(make: Callable[[Mapping[str, Any]], Any]) -> Model:
    return lambda body: web.json_response(answer(make(body)))


@dataclass(slots=True)
class StandIn:
    """A gateway's listener on loopback; `model` answers, `seen` is what came in."""

    model: Model
    seen: list[tuple[str, Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((f"{request.method} {request.path}", headers, body))
        return self.model(body)


class Loopback:
    """The Http port over a real connection."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        async with self._session.post(url, data=body, headers=dict(headers)) as reply:
            named = {name.lower(): value for name, value in reply.headers.items()}
            return Reply(reply.status, await reply.read(), named)


def ports(http: Any, url: str) -> Ports:
    return Ports(http, url, internal_key=lambda account: f"ei_of-{account}", now_s=lambda: 0)
