"""SDKs that call providers and not gateways: Azure's, Vertex's, boto3 and Cohere's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import anthropic
import boto3  # type: ignore[import-untyped]
import botocore.config
import botocore.exceptions
import cohere
import httpx
import openai
from cohere.core.api_error import ApiError
from google import genai
from google.auth.credentials import Credentials
from google.genai import types as genai_types

from tests.clients.callers import RESULT, Anthropic, Caller, GoogleGenAI, OpenAIChat, _refused
from tests.clients.cases import PARAMETERS, TOOL, Case, Heard, Refused

Json = dict[str, Any]


class AzureV1(OpenAIChat):
    """The newer API: OpenAI's own client, with the key in `api-key`."""

    name = "azure-v1"

    def __init__(self, url: str, key: str) -> None:
        self.sdk: Any = openai.AsyncOpenAI(
            base_url=url, api_key="unused", default_headers={"api-key": key}, max_retries=0
        )


class Azure(OpenAIChat):
    """The older API: deployments and versions."""

    name = "azure"

    def __init__(self, url: str, key: str) -> None:
        self.sdk: Any = openai.AsyncAzureOpenAI(
            azure_endpoint=url, api_key=key, api_version="2024-10-21", max_retries=0
        )


class VertexClaude(Anthropic):
    name = "vertex-claude"

    def __init__(self, url: str, key: str) -> None:
        self.sdk: Any = anthropic.AsyncAnthropicVertex(
            base_url=f"{url}/v1", region="europe-west1", project_id="demo", access_token=key,
            max_retries=0,
        )  # fmt: skip


class _Token(Credentials):
    """A token as it is, never refreshed."""

    def __init__(self, token: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = token

    def refresh(self, request: Any) -> None: ...


class Vertex(GoogleGenAI):
    name = "vertex"

    def __init__(self, url: str, key: str) -> None:
        options = genai_types.HttpOptions(base_url=url, api_version="v1")
        self.sdk: Any = genai.Client(
            vertexai=True, project="demo", location="europe-west1", credentials=_Token(key),
            http_options=options,
        ).aio  # fmt: skip


class Bedrock:
    """boto3. `key`: an API key of Bedrock, or `ID:SECRET` of AWS."""

    name: str = "bedrock"
    bases: tuple[str, ...] = ("",)
    FINISH: ClassVar[dict[str, str]] = {
        "end_turn": "stop",
        "tool_use": "tools",
        "max_tokens": "length",
    }

    def __init__(self, url: str, key: str) -> None:
        identity, _, secret = key.partition(":")
        self.sdk: Any = boto3.Session(
            aws_access_key_id=identity, aws_secret_access_key=secret or "secret",
            region_name="eu-central-1",
        ).client("bedrock-runtime", endpoint_url=url,
                 config=botocore.config.Config(retries={"total_max_attempts": 1}))  # fmt: skip

    async def close(self) -> None:
        self.sdk.close()

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard:
        return await self._send(model, case, [self._question(case)], stream)

    def _question(self, case: Case) -> Json:
        parts: list[Json] = [{"text": case.prompt}]
        if case.image is not None:
            parts.append({"image": {"format": "png", "source": {"bytes": case.image}}})
        return {"role": "user", "content": parts}

    def _fields(self, case: Case) -> Json:
        fields: Json = {"inferenceConfig": {"maxTokens": case.max_tokens}}
        if case.tools:
            specs = [{"toolSpec": {"name": name, "inputSchema": {"json": PARAMETERS}}}
                     for name in case.tools]  # fmt: skip
            fields["toolConfig"] = {"tools": specs}
        if case.schema:
            described = {"schema": json.dumps(case.schema), "name": "place"}
            form = {"type": "json_schema", "structure": {"jsonSchema": described}}
            fields["outputConfig"] = {"textFormat": form}
        if case.effort:
            thinking = {"type": "enabled", "budget_tokens": 1024}
            fields["additionalModelRequestFields"] = {"thinking": thinking}
        return fields

    async def _send(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        return await asyncio.to_thread(self._send_now, model, case, messages, stream)

    def _send_now(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        fields = {"modelId": model, "messages": messages, **self._fields(case)}
        if not stream:
            answer = self.sdk.converse(**fields)
            return self._heard(answer["output"]["message"]["content"], answer)
        events = list(self.sdk.converse_stream(**fields)["stream"])
        return self._heard(_blocks(events), {**events[-2]["messageStop"], **events[-1]["metadata"]})

    def _heard(self, content: list[Json], answer: Json) -> Heard:
        heard = Heard(finish=self.FINISH[answer["stopReason"]])
        heard.input_tokens = answer["usage"]["inputTokens"]
        heard.output_tokens = answer["usage"]["outputTokens"]
        for block in content:
            heard.text += block.get("text", "")
            if "reasoningContent" in block:
                heard.thought += block["reasoningContent"]["reasoningText"]["text"]
            if "toolUse" in block:
                heard.calls.append((block["toolUse"]["name"], block["toolUse"]["input"]))
        return heard

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question = self._question(TOOL)
        first = await asyncio.to_thread(
            self.sdk.converse, modelId=model, messages=[question], **self._fields(TOOL)
        )
        said = first["output"]["message"]
        results = [
            {"toolResult": {"toolUseId": part["toolUse"]["toolUseId"],
                            "content": [{"text": RESULT}]}}
            for part in said["content"] if "toolUse" in part
        ]  # fmt: skip
        messages = [question, said, {"role": "user", "content": results}]
        return await self._send(model, TOOL, messages, stream)

    async def refused(self, call: Awaitable[Any]) -> Refused:
        try:
            await call
        except botocore.exceptions.ClientError as error:
            found = error.response["Error"]
            meta = error.response["ResponseMetadata"]
            return Refused(found["Code"], meta["HTTPStatusCode"], found.get("Message", ""),
                           found["Code"], meta["HTTPHeaders"].get("retry-after"))  # fmt: skip
        raise AssertionError("not refused")


def _blocks(events: list[Json]) -> list[Json]:
    """The content that a stream's events add up to."""
    blocks: dict[int, Json] = {}
    for event in events:
        if start := event.get("contentBlockStart"):
            tool = {**start["start"]["toolUse"], "input": ""}
            blocks[start["contentBlockIndex"]] = {"toolUse": tool}
        if found := event.get("contentBlockDelta"):
            index, delta = found["contentBlockIndex"], found["delta"]
            block = blocks.setdefault(index, {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            if "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            for name, value in delta.get("reasoningContent", {}).items():
                held = block.setdefault("reasoningContent", {"reasoningText": {}})["reasoningText"]
                held[name] = held.get(name, "") + value
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return [blocks[index] for index in sorted(blocks)]


class Cohere:
    name: str = "cohere"
    bases: tuple[str, ...] = ("",)
    FINISH: ClassVar[dict[str, str]] = {
        "COMPLETE": "stop",
        "TOOL_CALL": "tools",
        "MAX_TOKENS": "length",
    }

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.AsyncClient(timeout=30)
        self.sdk: Any = cohere.AsyncClientV2(api_key=key, base_url=url, httpx_client=self.http)

    async def close(self) -> None:
        await self.http.aclose()

    async def ask(self, model: str, case: Case, *, stream: bool) -> Heard:
        return await self._send(model, case, [OpenAIChat._question(self, case)], stream)  # type: ignore[arg-type]

    def _fields(self, case: Case) -> Json:
        fields: Json = {"max_tokens": case.max_tokens, "request_options": {"max_retries": 0}}
        if case.tools:
            fields["tools"] = [
                {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
                for name in case.tools
            ]
        if case.schema:
            fields["response_format"] = {"type": "json_object", "json_schema": case.schema}
        if case.effort:
            fields["thinking"] = {"type": "enabled", "token_budget": 1024}
        return fields

    async def _send(self, model: str, case: Case, messages: Any, stream: bool) -> Heard:
        fields = {"model": model, "messages": messages, **self._fields(case)}
        if stream:
            return _cohere_streamed([one async for one in self.sdk.chat_stream(**fields)])
        answer = await self.sdk.chat(**fields)
        heard = Heard(finish=self.FINISH[answer.finish_reason])
        for part in answer.message.content or ():
            heard.text += getattr(part, "text", "")
            heard.thought += getattr(part, "thinking", "")
        heard.calls = [(call.function.name, json.loads(call.function.arguments))
                       for call in answer.message.tool_calls or ()]  # fmt: skip
        heard.input_tokens = int(answer.usage.billed_units.input_tokens)
        heard.output_tokens = int(answer.usage.billed_units.output_tokens)
        return heard

    async def loop(self, model: str, *, stream: bool) -> Heard:
        question = {"role": "user", "content": TOOL.prompt}
        first = await self.sdk.chat(model=model, messages=[question], **self._fields(TOOL))
        calls = first.message.tool_calls or ()
        said = {"role": "assistant", "tool_plan": first.message.tool_plan,
                "tool_calls": [call.model_dump(exclude_none=True) for call in calls]}  # fmt: skip
        results = [{"role": "tool", "tool_call_id": call.id, "content": RESULT} for call in calls]
        return await self._send(model, TOOL, [question, said, *results], stream)

    async def refused(self, call: Awaitable[Any]) -> Refused:
        try:
            await call
        except ApiError as error:
            headers = error.headers or {}
            message = str((error.body or {}).get("message", ""))
            return _refused(error, error.status_code or 0, message, error.body, headers)
        raise AssertionError("not refused")


def _cohere_streamed(events: list[Any]) -> Heard:
    heard, calls = Heard(), {}
    for event in events:
        match event.type:
            case "content-delta":
                heard.text += event.delta.message.content.text or ""
                heard.thought += event.delta.message.content.thinking or ""
            case "tool-call-start":
                calls[event.index] = [event.delta.message.tool_calls.function.name, ""]
            case "tool-call-delta":
                calls[event.index][1] += event.delta.message.tool_calls.function.arguments
            case "message-end":
                heard.finish = Cohere.FINISH[event.delta.finish_reason]
                heard.input_tokens = int(event.delta.usage.billed_units.input_tokens)
                heard.output_tokens = int(event.delta.usage.billed_units.output_tokens)
    heard.calls = [(name, json.loads(text)) for name, text in calls.values()]
    return heard


MORE: dict[str, Callable[[str, str], Caller]] = {
    one.name: one for one in (AzureV1, Azure, VertexClaude, Vertex, Bedrock, Cohere)
}
