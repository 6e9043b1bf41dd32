"""The official SDKs behind one face: ask a `Case`, get what was `Heard`, or what was `Refused`.

Promises: base URL and key are all that is set (retries are off, so that a test sees every answer).
Each class turns a case into what its SDK's documentation tells a user to write.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

import anthropic
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

from tests.clients.cases import PARAMETERS, TOOL, Case, Heard, Refused

Json = dict[str, Any]
RESULT = "sunny"


class StreamFailed(Exception):
    """The Responses API tells of a failure midway by an event; its SDK hands it on as one."""


class Caller(Protocol):
    """One SDK. `name`: how tests call it. `bases`: what to put behind the gateway's address."""

    name: str
    bases: tuple[str, ...]

    def __init__(self, url: str, key: str) -> None: ...

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard: ...

    async def loop(self, model: str, *, stream: bool) -> Heard:
        """Ask for tools, then give each call's result back: the second answer."""
        ...

    async def refused(self, call: Awaitable[Any]) -> Refused:
        """The exception that this call ends with."""
        ...

    async def close(self) -> None: ...


def _data_url(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _refused(error: Any, status: int, message: str, body: Any, headers: Any) -> Refused:
    inner = body.get("error", body) if isinstance(body, dict) else {}
    code = str(inner.get("code", "")) if isinstance(inner, dict) else ""
    return Refused(type(error).__name__, status, message, code, headers.get("retry-after"))


class OpenAIChat:
    name: str = "openai-chat"
    bases: tuple[str, ...] = ("/v1", "/openai/v1")
    FINISH: ClassVar[dict[str, str]] = {"stop": "stop", "tool_calls": "tools", "length": "length"}

    def __init__(self, url: str, key: str) -> None:
        self.sdk: Any = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0)

    async def close(self) -> None:
        await self.sdk.close()

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard:
        return await self._send(model, case, [self._question(case)], stream)

    def _question(self, case: Case) -> Json:
        if case.image is None:
            return {"role": "user", "content": case.prompt}
        picture = {"type": "image_url", "image_url": {"url": _data_url(case.image)}}
        return {"role": "user", "content": [{"type": "text", "text": case.prompt}, picture]}

    def _fields(self, case: Case) -> Json:
        fields: Json = {"max_completion_tokens": case.max_tokens}
        if case.tools:
            fields["tools"] = [
                {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
                for name in case.tools
            ]
        if case.schema:
            described = {"name": "place", "schema": case.schema, "strict": True}
            fields["response_format"] = {"type": "json_schema", "json_schema": described}
        if case.effort:
            fields["reasoning_effort"] = "low"
        return fields

    async def _send(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        fields = self._fields(case)
        if not stream:
            answer = await self.sdk.chat.completions.create(
                model=model, messages=messages, **fields
            )
            return self._heard(answer)
        heard = Heard()
        calls: dict[int, tuple[str, str]] = {}
        options = {"include_usage": True}
        async for chunk in await self.sdk.chat.completions.create(
            model=model, messages=messages, stream=True, stream_options=options, **fields
        ):
            self._add(heard, calls, chunk)
        heard.calls = [(name, json.loads(text)) for name, text in calls.values()]
        return heard

    def _add(self, heard: Heard, calls: dict[int, tuple[str, str]], chunk: Any) -> None:
        if chunk.usage:
            heard.input_tokens = chunk.usage.prompt_tokens
            heard.output_tokens = chunk.usage.completion_tokens
        for choice in chunk.choices:
            heard.text += choice.delta.content or ""
            heard.thought += getattr(choice.delta, "reasoning_content", None) or ""
            heard.finish = self.FINISH.get(choice.finish_reason or "", heard.finish)
            for call in choice.delta.tool_calls or ():
                name, so_far = calls.get(call.index, ("", ""))
                function = call.function
                calls[call.index] = (
                    name + (function.name or ""), so_far + (function.arguments or "")
                )  # fmt: skip

    def _heard(self, answer: Any) -> Heard:
        (choice,) = answer.choices
        message = choice.message
        calls = [(c.function.name, json.loads(c.function.arguments))
                 for c in message.tool_calls or ()]  # fmt: skip
        return Heard(
            message.content or "", calls, getattr(message, "reasoning_content", None) or "",
            self.FINISH[choice.finish_reason], answer.usage.prompt_tokens,
            answer.usage.completion_tokens,
        )  # fmt: skip

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question = self._question(TOOL)
        first = await self.sdk.chat.completions.create(
            model=model, messages=[question], **self._fields(TOOL)
        )
        message = first.choices[0].message
        results = [{"role": "tool", "tool_call_id": call.id, "content": RESULT}
                   for call in message.tool_calls or ()]  # fmt: skip
        messages = [question, message.model_dump(exclude_none=True), *results]
        return await self._send(model, TOOL, messages, stream)

    async def refused(self, call: Awaitable[Any]) -> Refused:
        try:
            await call
        except openai.APIStatusError as error:
            body = {"error": error.body}
            return _refused(error, error.status_code, error.message, body, error.response.headers)
        raise AssertionError("not refused")


class OpenAIResponses(OpenAIChat):
    name: str = "openai-responses"
    bases: tuple[str, ...] = ("/v1", "/openai/v1")

    def _question(self, case: Case) -> Json:
        if case.image is None:
            return {"role": "user", "content": case.prompt}
        picture = {"type": "input_image", "image_url": _data_url(case.image), "detail": "auto"}
        return {"role": "user", "content": [{"type": "input_text", "text": case.prompt}, picture]}

    def _fields(self, case: Case) -> Json:
        fields: Json = {"max_output_tokens": case.max_tokens, "store": False}
        if case.tools:
            fields["tools"] = [
                {"type": "function", "name": name, "parameters": PARAMETERS, "strict": True}
                for name in case.tools
            ]
        if case.schema:
            form = {"type": "json_schema", "name": "place", "schema": case.schema, "strict": True}
            fields["text"] = {"format": form}
        if case.effort:
            fields["reasoning"] = {"effort": "low", "summary": "auto"}
            fields["include"] = ["reasoning.encrypted_content"]
        return fields

    async def _send(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        fields = {"model": model, "input": messages, **self._fields(case)}
        if not stream:
            return self._heard(await self.sdk.responses.create(**fields))
        text, final = "", None
        async for event in await self.sdk.responses.create(stream=True, **fields):
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type in ("response.completed", "response.incomplete"):
                final = event.response
            elif event.type in ("error", "response.failed"):
                raise StreamFailed(str(event))
        assert final is not None, "a stream without an end"
        heard = self._heard(final)
        assert heard.text == text, "the deltas are not the text"
        return heard

    def _heard(self, answer: Any) -> Heard:
        calls = [(one.name, json.loads(one.arguments)) for one in answer.output
                 if one.type == "function_call"]  # fmt: skip
        thought = "".join(part.text for one in answer.output if one.type == "reasoning"
                          for part in one.summary)  # fmt: skip
        finish = {"incomplete": "length"}.get(answer.status, "tools" if calls else "stop")
        return Heard(answer.output_text, calls, thought, finish, answer.usage.input_tokens,
                     answer.usage.output_tokens)  # fmt: skip

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question = self._question(TOOL)
        first = await self.sdk.responses.create(model=model, input=[question], **self._fields(TOOL))
        said = [item.model_dump(exclude_none=True) for item in first.output]
        results = [{"type": "function_call_output", "call_id": item["call_id"], "output": RESULT}
                   for item in said if item["type"] == "function_call"]  # fmt: skip
        return await self._send(model, TOOL, [question, *said, *results], stream)


class Anthropic:
    name: str = "anthropic"
    bases: tuple[str, ...] = ("", "/anthropic")
    FINISH: ClassVar[dict[str, str]] = {
        "end_turn": "stop",
        "tool_use": "tools",
        "max_tokens": "length",
    }

    def __init__(self, url: str, key: str) -> None:
        self.sdk: Any = anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0)

    async def close(self) -> None:
        await self.sdk.close()

    def _question(self, case: Case) -> Json:
        if case.image is None:
            return {"role": "user", "content": case.prompt}
        source = {"type": "base64", "media_type": "image/png",
                  "data": base64.b64encode(case.image).decode()}  # fmt: skip
        parts = [{"type": "image", "source": source}, {"type": "text", "text": case.prompt}]
        return {"role": "user", "content": parts}

    def _fields(self, case: Case) -> Json:
        fields: Json = {"max_tokens": case.max_tokens}
        if case.tools:
            fields["tools"] = [{"name": name, "input_schema": PARAMETERS} for name in case.tools]
        if case.schema:
            form = {"type": "json_schema", "schema": case.schema}
            fields["output_config"] = {"format": form}
        if case.effort:
            fields["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return fields

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard:
        return await self._send(model, case, [self._question(case)], stream)

    async def _send(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        fields = {"model": model, "messages": messages, **self._fields(case)}
        if not stream:
            return self._heard(await self.sdk.messages.create(**fields))
        async with self.sdk.messages.stream(**fields) as events:
            text = "".join([piece async for piece in events.text_stream])
            heard = self._heard(await events.get_final_message())
        assert heard.text == text, "the deltas are not the text"
        return heard

    def _heard(self, message: Any) -> Heard:
        heard = Heard(finish=self.FINISH[message.stop_reason])
        heard.input_tokens = message.usage.input_tokens
        heard.output_tokens = message.usage.output_tokens
        for block in message.content:
            match block.type:
                case "text":
                    heard.text += block.text
                case "thinking":
                    heard.thought += block.thinking
                case "tool_use":
                    heard.calls.append((block.name, block.input))
        return heard

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question, fields = self._question(TOOL), self._fields(TOOL)
        first = await self.sdk.messages.create(model=model, messages=[question], **fields)
        said = [block.model_dump(exclude_none=True) for block in first.content]
        results = [{"type": "tool_result", "tool_use_id": block.id, "content": RESULT}
                   for block in first.content if block.type == "tool_use"]  # fmt: skip
        messages = [question, {"role": "assistant", "content": said},
                    {"role": "user", "content": results}]  # fmt: skip
        return await self._send(model, TOOL, messages, stream)

    async def refused(self, call: Awaitable[Any]) -> Refused:
        try:
            await call
        except anthropic.APIStatusError as error:
            headers = error.response.headers
            return _refused(error, error.status_code, error.message, error.body, headers)
        raise AssertionError("not refused")


class GoogleGenAI:
    name: str = "google-genai"
    bases: tuple[str, ...] = ("", "/genai")
    FINISH: ClassVar[dict[str, str]] = {"STOP": "stop", "MAX_TOKENS": "length"}

    def __init__(self, url: str, key: str) -> None:
        options = genai_types.HttpOptions(
            base_url=url, retry_options=genai_types.HttpRetryOptions(attempts=1)
        )
        self.sdk: Any = genai.Client(api_key=key, http_options=options).aio

    async def close(self) -> None:
        await self.sdk.aclose()

    def _question(self, case: Case) -> Any:
        parts = [genai_types.Part.from_text(text=case.prompt)]
        if case.image is not None:
            parts.append(genai_types.Part.from_bytes(data=case.image, mime_type="image/png"))
        return genai_types.Content(role="user", parts=parts)

    def _config(self, case: Case) -> Any:
        fields: Json = {"max_output_tokens": case.max_tokens}
        if case.tools:
            declared = [{"name": name, "parameters_json_schema": PARAMETERS} for name in case.tools]
            fields["tools"] = [{"function_declarations": declared}]
        if case.schema:
            fields |= {"response_mime_type": "application/json",
                       "response_json_schema": case.schema}  # fmt: skip
        if case.effort:
            fields["thinking_config"] = {"include_thoughts": True, "thinking_budget": 1024}
        return genai_types.GenerateContentConfig(**fields)

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard:
        return await self._send(model, case, [self._question(case)], stream)

    async def _send(self, model: str, case: Case, contents: Any, stream: bool) -> Heard:
        fields = {"model": model, "contents": contents, "config": self._config(case)}
        heard = Heard()
        if not stream:
            self._add(heard, await self.sdk.models.generate_content(**fields))
            return heard
        async for chunk in await self.sdk.models.generate_content_stream(**fields):
            self._add(heard, chunk)
        return heard

    def _add(self, heard: Heard, answer: Any) -> None:
        if answer.usage_metadata:
            usage = answer.usage_metadata
            heard.input_tokens = usage.prompt_token_count
            heard.output_tokens = (usage.candidates_token_count or 0) + (
                usage.thoughts_token_count or 0
            )
        for candidate in answer.candidates or ():
            for part in (candidate.content and candidate.content.parts) or ():
                if part.function_call:
                    heard.calls.append((part.function_call.name, part.function_call.args))
                elif part.thought:
                    heard.thought += part.text or ""
                else:
                    heard.text += part.text or ""
            if candidate.finish_reason:
                finish = self.FINISH.get(candidate.finish_reason.name, candidate.finish_reason.name)
                heard.finish = "tools" if heard.calls and finish == "stop" else finish

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question, config = self._question(TOOL), self._config(TOOL)
        first = await self.sdk.models.generate_content(
            model=model, contents=[question], config=config
        )
        said = first.candidates[0].content
        results = [
            genai_types.Part(function_response=genai_types.FunctionResponse(
                id=part.function_call.id, name=part.function_call.name,
                response={"result": RESULT}))
            for part in said.parts if part.function_call
        ]  # fmt: skip
        contents = [question, said, genai_types.Content(role="user", parts=results)]
        return await self._send(model, TOOL, contents, stream)

    async def refused(self, call: Awaitable[Any]) -> Refused:
        try:
            await call
        except genai_errors.APIError as error:
            headers = getattr(error.response, "headers", {})
            return _refused(error, error.code, error.message or "", error.details, headers)
        raise AssertionError("not refused")


CALLERS: dict[str, Callable[[str, str], Caller]] = {
    OpenAIChat.name: OpenAIChat,
    OpenAIResponses.name: OpenAIResponses,
    Anthropic.name: Anthropic,
    GoogleGenAI.name: GoogleGenAI,
}
