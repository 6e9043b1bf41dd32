"""The official SDK as a judge: its models, strictly, and its own reader of streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import openai
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from extproc.llm.call import Frame, Json
from extproc.llm.sse import wire

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def checked_response(body: Json) -> Response:
    return Response.model_validate(body, strict=True)


def checked_events(frames: Iterable[Frame]) -> list[Any]:
    """Every frame is one of the SDK's events; names and numbers are as documented."""
    events = []
    for number, frame in enumerate(frames):
        assert frame.data is not None and frame.changed
        assert frame.event == frame.data["type"] and frame.data["sequence_number"] == number
        event = EVENT.validate_python(frame.data, strict=True)
        assert type(event).__name__ != "BaseModel"
        events.append(event)
    return events


def accumulated(events: Iterable[Any]) -> Response:
    """What `client.responses.stream()` puts together from the events."""
    state = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    snapshots = [state.handle_event(event) for event in events]
    assert snapshots
    assert state._completed_response is not None
    return state._completed_response  # type: ignore[no-any-return]


def over_http(frames: Iterable[Frame]) -> Any:
    """The stream read by a real client: bytes in, events out, errors raised."""
    import httpx2

    body = b"".join(map(wire, frames))
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    client = openai.OpenAI(
        api_key="k", base_url="http://gateway/v1", http_client=httpx2.Client(transport=transport)
    )
    return client.responses.create(model="m", input="hi", stream=True)
