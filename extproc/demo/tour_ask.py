"""One call of the tour: made with the real `openai` client, told in one sentence.

Promises: the sentence is made of the answer, of what the provider saw and of the audit entry; a
call that was refused but reached a provider is never told as refused alone (P1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extproc.audit.values import Entry
from extproc.demo.tour_provider import Seen
from extproc.demo.tour_step import Outcome

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from extproc.demo.tour_stage import Stage

MINI, SONNET = "openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"
ASSISTANT = "prod/engineering-assistant"
HELLO = "Say hello."
DECISION_ID = "x-envelope-decision-id"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller got. `text`: the whole reply, joined from its frames where it was streamed;
    `code`: of a refusal."""

    status: int
    headers: Mapping[str, str]
    text: str = ""
    code: str = ""

    @property
    def decision_id(self) -> str:
        return self.headers.get(DECISION_ID, "")


@dataclass(frozen=True, slots=True)
class Heard:
    """One call from all three sides: the caller's, the provider's, the audit log's."""

    answer: Answer
    seen: list[Seen]
    entry: Entry

    @property
    def cost_nano_usd(self) -> int | None:
        return self.entry.get("cost_nano_usd")


def verdict(heard: Heard) -> str:
    """`200 from <model>, charged` or `403 <code>, nothing sent`."""
    if not heard.answer.decision_id:
        return f"{heard.answer.status} without a decision id"
    return _refused(heard) if heard.answer.code else _allowed(heard)


def provider_read(heard: Heard) -> str:
    """The prompt as it reached the provider."""
    return " | ".join(f"the provider read: {seen.prompt}" for seen in heard.seen) or verdict(heard)


def caller_read(heard: Heard) -> str:
    """The reply as it reached the caller."""
    return f"the caller read: {heard.answer.text}" if heard.answer.text else verdict(heard)


def _refused(heard: Heard) -> str:
    answer = heard.answer
    when = " with retry-after" if "retry-after" in answer.headers else ""
    sent = f"but {len(heard.seen)} requests sent" if heard.seen else "nothing sent"
    return f"{answer.status} {answer.code}{when}, {sent}"


def _allowed(heard: Heard) -> str:
    served = heard.answer.headers.get("x-tfy-resolved-model", "no model named")
    failures = sum(seen.status >= 400 for seen in heard.seen)
    words = f"{heard.answer.status} from {served}"
    words += f" after {failures} failures" if failures else ""
    if not heard.seen or not served.endswith(f"/{heard.seen[-1].model}"):
        words += ", but the provider saw another model"
    return words + (", charged" if heard.cost_nano_usd else ", not charged")


@dataclass(frozen=True, slots=True)
class Ask:
    """A chat completion as data; awaiting it on a stage makes the call.

    `fault`: what shall go wrong at the provider; `raw`: send these bytes instead of a chat.
    """

    account: str
    model: str = MINI
    prompt: str = HELLO
    metadata: Mapping[str, str] | None = None
    stream: bool = False
    fault: Mapping[str, Any] | None = None
    raw: bytes | None = None
    tell: Callable[[Heard], str] = verdict

    async def __call__(self, stage: Stage) -> Outcome:
        heard = await self.hear(stage)
        return Outcome(
            self.tell(heard), heard.answer.decision_id, heard.cost_nano_usd, _note(heard)
        )

    async def hear(self, stage: Stage) -> Heard:
        """Make the call, then ask the provider and the audit log about it."""
        await stage.provider.forget()
        if self.fault is not None:
            await stage.provider.fault(self.fault)
        answer = await self._send(stage.client(self.account))
        seen = await stage.provider.seen()
        if not answer.decision_id:
            return Heard(answer, seen, {})
        stage.decisions.append(answer.decision_id)
        return Heard(answer, seen, await stage.entry(answer.decision_id))

    async def _send(self, client: AsyncOpenAI) -> Answer:
        from openai import APIStatusError

        try:
            if self.raw is not None:
                await client.post("/chat/completions", cast_to=object, content=self.raw)
                return Answer(200, {})
            return await self._chat(client)
        except APIStatusError as refused:
            return Answer(
                refused.status_code, refused.response.headers, code=refused.code or "without code"
            )

    async def _chat(self, client: AsyncOpenAI) -> Answer:
        chat = client.chat.completions.with_raw_response
        options: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": self.prompt}],
        }
        if self.metadata is not None:
            options["extra_headers"] = {"x-tfy-metadata": json.dumps(self.metadata)}
        if self.stream:
            raw = await chat.create(stream=True, **options)
            deltas = [c.choices[0].delta.content or "" async for c in raw.parse() if c.choices]
            return Answer(raw.status_code, raw.headers, "".join(deltas))
        whole = await chat.create(**options)
        text = whole.parse().choices[0].message.content or ""
        return Answer(whole.status_code, whole.headers, text)


def _note(heard: Heard) -> str:
    """Seconds to wait, or into how many pieces a stream was cut."""
    if "retry-after" in heard.answer.headers:
        return f"retry-after {heard.answer.headers['retry-after']} s"
    frames = sum(seen.frames for seen in heard.seen)
    return f"{frames} frames" if frames else ""
