"""Google's SDK against made answers, no network: what it sends, and what it makes of an answer."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import orjson
from google import genai
from google.genai import types

from extproc.llm.call import Frame, Json
from extproc.llm.sse import SseReader, wire

DONE: Json = {"candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}]}


def client(answer: bytes, content_type: str, seen: list[httpx2.Request]) -> genai.Client:
    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=answer, headers={"content-type": content_type})

    http = httpx2.Client(transport=httpx2.MockTransport(handle))
    return genai.Client(
        api_key="k", http_options=types.HttpOptions(base_url="http://h", httpx_client=http)
    )


def sent(**config: Any) -> Json:
    """The body that the SDK sends for this configuration."""
    seen: list[httpx2.Request] = []
    made = client(json.dumps(DONE).encode(), "application/json", seen)
    made.models.generate_content(
        model="m", contents="hi", config=types.GenerateContentConfig(**config)
    )
    return orjson.loads(seen[0].content)  # type: ignore[no-any-return]


def read(answer: Json) -> types.GenerateContentResponse:
    made = client(orjson.dumps(answer), "application/json", [])
    return made.models.generate_content(model="m", contents="hi")


def chat(frames: list[Frame]) -> tuple[list[types.GenerateContentResponse], list[types.Content]]:
    """(chunks, the history that a chat of the SDK keeps)."""
    body = b"".join(map(wire, frames))
    conversation = client(body, "text/event-stream", []).chats.create(model="m")
    chunks = list(conversation.send_message_stream("hi"))
    return chunks, conversation.get_history(curated=True)


def frames_of(chunks: list[Json]) -> list[Frame]:
    return SseReader().feed(b"".join(b"data: " + orjson.dumps(c) + b"\r\n\r\n" for c in chunks))
