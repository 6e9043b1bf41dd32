"""Amazon Bedrock Converse (`POST /model/{modelId}/converse`, `/converse-stream`), as a provider
speaks it.

Wire (docs.aws.amazon.com/bedrock/latest/APIReference, `Converse` and `ConverseStream`): a streamed
answer is an AWS event stream (`aws_event_stream.py`): `messageStart`, content blocks,
`messageStop`, and then `metadata`, which holds the usage.

Promises: texts are found by `bedrock_texts.py` and `bedrock_frames.py`; the model stands in the
path, percent-encoded whole, as an ARN holds `:` and `/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from extproc.llm.bedrock_frames import frame_texts, frame_unread
from extproc.llm.bedrock_texts import answer_texts
from extproc.llm.bedrock_usage import read_bedrock_usage
from extproc.llm.call import Family, Frame, Json, Operation, TextSlot
from extproc.usage.usage import Reported


class BedrockConverse:
    """The dialect; stateless."""

    name = "bedrock_converse"
    shape = "bedrock_converse"
    family: Family = "bedrock"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(answer_texts(body).slots)

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(frame_texts(frame).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(answer_texts(body).unread)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_bedrock_usage(body.get("usage"))

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """`metadata` states the whole stream's usage, once."""
        usage = frame.data.get("usage") if frame.data else None
        return so_far if usage is None else read_bedrock_usage(usage)

    def is_final(self, frame: Frame) -> bool:
        """`messageStop`: the answer is whole, though its usage is still to come."""
        return frame.event == "messageStop"

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = dict(body)
        if max_output_tokens is not None:
            config = body.get("inferenceConfig") or {}
            least = min(config.get("maxTokens") or max_output_tokens, max_output_tokens)
            call["inferenceConfig"] = {**config, "maxTokens": least}
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        operation = "converse-stream" if stream else "converse"
        return f"/model/{quote(model, safe='')}/{operation}"


BEDROCK_CONVERSE = BedrockConverse()
