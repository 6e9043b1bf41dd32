"""What a request is, where it was sent, and what an endpoint consists of.

The values between `provider_routes`, `provider_plan` and the files that know one API each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Options:
    """How a provider behaves.

    `..._key`: the only key accepted; '' = any that could be one of that vendor. `aws_secret_key`:
    the secret of the access key `aws_id_key`, whose signatures are then checked;
    `vertex_public_key`: likewise (PEM) of the service account that asks for tokens. `models`: the
    only models there are; empty = any. `keep`: how many requests to remember. `fixed`: answer one
    constant reply of `fixed_tokens` words with the least work, after `fixed_delay` seconds, with
    `fixed_pause` seconds between frames; no keys, scripts or records.
    """

    openai_key: str = ""
    anthropic_key: str = ""
    azure_key: str = ""
    compatible_key: str = ""
    gemini_key: str = ""
    vertex_key: str = ""
    bedrock_key: str = ""
    cohere_key: str = ""
    aws_id_key: str = ""
    aws_secret_key: str = ""
    vertex_public_key: str = ""
    models: tuple[str, ...] = ()
    keep: int = 10_000
    fixed: bool = False
    fixed_tokens: int = 16
    fixed_delay: float = 0.0
    fixed_pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. Header names in lower case; `target`: path with query."""

    method: str
    path: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Place(NamedTuple):
    """Where a request was sent. `model`: as the path names it; `stream`: the path asks for one;
    `as_array`: a refusal stands in a JSON array."""

    headers: Mapping[str, str]
    model: str = ""
    stream: bool = False
    as_array: bool = False


class Endpoint(NamedTuple):
    """`read` a body (parsed unless `json` is False), then `answer` (body, ask, reply, number,
    created) with bytes or frames. `vendor`: in whose words it refuses. `broken`: how its stream
    says that it fails midway, if not as the vendor's others do."""

    vendor: ModuleType
    read: Callable[[Any, Place], Ask | Wrong]
    answer: Callable[[Any, Ask, Reply, int, int], bytes | Iterator[Frame]]
    json: bool = True
    bills: bool = True
    media: str = "application/json"
    stream_media: str = EVENTS
    broken: Callable[[], bytes] | None = None
