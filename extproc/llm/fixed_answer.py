"""An answer that the gateway gives itself: a fixed text in the caller's dialect, whole or streamed.

Promises: the official SDKs read it like any other answer; it says that nothing was used. Refuses
(None): an operation whose answer is no text, such as embeddings. Ids come from the decision id, so
that an answer leads to its entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.llm import strict_json
from extproc.llm.call import Dialect, Json, LlmCall
from extproc.llm.sse import wire
from extproc.llm.translate import CHAT_CALLERS
from extproc.llm.translate.conversation import ChatAnswer, Choice, Text
from extproc.llm.translate.events import Began, Ended, Event, Finished, TextPiece, Used
from extproc.llm.translate.sides import CallerSide
from extproc.usage.usage import Usage

_ID_BEGINS = {
    "openai_chat": "chatcmpl-", "openai_completions": "cmpl-", "openai_responses": "resp_",
    "anthropic_messages": "msg_",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """`created`: Unix seconds. `asked`: the caller's body."""

    text: str
    call: LlmCall
    decision_id: str
    created: int
    asked: Json = field(default_factory=dict)


def fixed_answer(caller: Dialect, answer: FixedAnswer) -> tuple[bytes, str] | None:
    """(body, content type); None where this operation has no text to give."""
    side = CHAT_CALLERS.get(caller.shape)
    if side is None:
        return None
    answer_id = _ID_BEGINS.get(caller.shape, "") + answer.decision_id.replace("-", "")
    if answer.call.stream:
        return _streamed(side, answer, answer_id), "text/event-stream"
    choices = [Choice([Text(text=answer.text)]) for _ in range(answer.call.choices)]
    whole = ChatAnswer(answer_id, choices, Usage())
    made = side.write_answer(
        whole, model=answer.call.model, created=answer.created, asked=answer.asked
    )
    return strict_json.dump(made), "application/json"


def _streamed(side: CallerSide, answer: FixedAnswer, answer_id: str) -> bytes:
    writer = side.stream_writer(model=answer.call.model, created=answer.created, asked=answer.asked)
    events: list[Event] = [Began(answer_id)]
    for number in range(answer.call.choices):
        events += [TextPiece(number, answer.text), Finished(number, "stop")]
    events += [Used(Usage()), Ended()]
    return b"".join(wire(frame) for event in events for frame in writer.write(event))
