"""Exams as the engine makes them: passages of a body, of an answer, of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.guardrails.values import Exam, Hook, Passage, Scene
from extproc.llm.call import Dialect, Role
from extproc.llm.openai_chat import OPENAI_CHAT

PRINCIPAL = {"type": "user", "name": "ana@acme.example", "team": "support", "key": "k1"}
SCENE = Scene(
    decision_id="d-1", principal=PRINCIPAL, metadata={"use_case": "chat"}, traceparent="00-a-b-01"
)


def chat(*texts: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text} for text in texts]
    return {"model": "m", "messages": messages, **fields}


def passages(
    body: Mapping[str, Any], dialect: Dialect, answer: bool = False
) -> tuple[Passage, ...]:
    read = dialect.response_texts if answer else dialect.request_texts
    return tuple(Passage(s.path, s.role, s.text, s.json_text) for s in read(dict(body)) if s.text)


def asking(body: Mapping[str, Any], dialect: Dialect = OPENAI_CHAT, scene: Scene = SCENE) -> Exam:
    """The input hook."""
    return Exam("llm_input", scene, passages(body, dialect), request=body)


def answering(
    body: Mapping[str, Any], answer: Mapping[str, Any], dialect: Dialect = OPENAI_CHAT,
    provider: Dialect | None = None, scene: Scene = SCENE,
) -> Exam:  # fmt: skip
    """The output hook, of a whole answer."""
    shown = passages(answer, provider or dialect, answer=True)
    return Exam("llm_output", scene, shown, passages(body, dialect), body, answer)


def streaming(body: Mapping[str, Any], *shown: Passage) -> Exam:
    """The output hook, of a stream: whole texts of its channels."""
    return Exam("llm_output", SCENE, shown, passages(body, OPENAI_CHAT), body)


def texts(*given: str, hook: Hook = "llm_input", role: Role = "user") -> Exam:
    """Nothing but texts."""
    shown = tuple(Passage(f"messages[{n}].content", role, text) for n, text in enumerate(given))
    return Exam(hook, SCENE, shown)


def completion(*contents: str | None, **message: Any) -> dict[str, Any]:
    """An OpenAI answer with these choices."""
    choices = [
        {"index": n, "message": {"role": "assistant", "content": content, **message},
         "finish_reason": "stop"}
        for n, content in enumerate(contents)
    ]  # fmt: skip
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": choices}
