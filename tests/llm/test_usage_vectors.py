"""Usage as providers really send it, whole and streamed, and usage that cannot be true (P2).

`vectors/usage/golden`: one payload a file, with what it means. `vectors/usage/unsound`: the file's
name is the flag.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.anthropic_usage import read_anthropic_usage, write_anthropic_usage
from extproc.llm.call import Dialect, Frame
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.llm.openai_usage import read_openai_usage, write_openai_usage
from extproc.usage.checked import checked
from extproc.usage.usage import Reported, Unsound, Usage, sound

VECTORS = Path(__file__).parent / "vectors" / "usage"
GOLDEN = sorted((VECTORS / "golden").glob("*.json"))
UNSOUND = sorted((VECTORS / "unsound").glob("*.json"))
DIALECTS: dict[str, Dialect] = {
    "openai": OPENAI_CHAT, "anthropic": ANTHROPIC_MESSAGES, "embeddings": OPENAI_EMBEDDINGS,
}  # fmt: skip
COUNTED = Usage(7, 3, source="counted")
TOKENS = st.integers(0, 10**6)


def frame(data: Any) -> Frame:
    return Frame("", data, b"")


def streamed(dialect: Dialect, frames: list[Any]) -> Reported:
    so_far: Reported = None
    for data in frames:
        so_far = dialect.frame_usage(frame(data), so_far)
    return so_far


def openai_stream(usage: Any) -> list[Any]:
    return [
        {"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": None},
        {"choices": [], "usage": usage},
        None,
    ]


def anthropic_stream(usage: Any) -> list[Any]:
    """`message_start` states the input and one token of output, `message_delta` the totals."""
    start = {**usage, "output_tokens": 1, "output_tokens_details": None, "server_tool_use": None}
    last = {key: value for key, value in usage.items() if key != "cache_creation"}
    return [
        {"type": "message_start", "message": {"usage": start}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    ]


STREAMS = {"openai": openai_stream, "anthropic": anthropic_stream}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden_payloads_mean_the_same_whole_and_streamed(path: Path) -> None:
    """P2: what a provider bills is read into its bucket, in either way of answering (P5)."""
    vector = json.loads(path.read_text("utf-8"))
    expected, dialect = Usage(**vector["expected"]), DIALECTS[vector["dialect"]]
    assert dialect.response_usage({"usage": vector["usage"]}) == expected
    frames = STREAMS[vector["dialect"]](vector["usage"])
    assert streamed(dialect, frames) == expected


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden_buckets_add_up(path: Path) -> None:
    """P2: no token is in two buckets, none is lost (pitfall: cached tokens counted twice)."""
    vector = json.loads(path.read_text("utf-8"))
    usage, read = vector["usage"], Usage(**vector["expected"])
    if vector["dialect"] == "openai":
        assert read.total_input_tokens == usage["prompt_tokens"]
        assert read.total_tokens == usage["total_tokens"]
    else:
        names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        assert read.total_input_tokens == sum(usage[name] for name in names)
        assert read.total_output_tokens == usage["output_tokens"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_doubled_events_are_never_added_up(path: Path) -> None:
    """P2: a final chunk sent twice, and one that repeats itself as zeros, change nothing."""
    vector = json.loads(path.read_text("utf-8"))
    frames = STREAMS[vector["dialect"]](vector["usage"])
    dialect, expected = DIALECTS[vector["dialect"]], Usage(**vector["expected"])
    assert streamed(dialect, [one for one in frames for _ in range(2)]) == expected
    zeros = {"openai": {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}},
             "anthropic": {"type": "message_delta", "usage": {"input_tokens": 0,
                                                              "output_tokens": 0}}}  # fmt: skip
    assert streamed(dialect, [*frames, zeros[vector["dialect"]]]) == expected


@pytest.mark.parametrize("path", UNSOUND, ids=lambda p: p.stem)
def test_unsound_usage_is_flagged_and_our_count_stands(path: Path) -> None:
    """P2: a provider's nonsense is not charged; the gateway's own count is, and says so."""
    for name, usage in json.loads(path.read_text("utf-8")):
        reported = DIALECTS[name].response_usage({"usage": usage})
        assert reported == Unsound(path.stem), usage  # type: ignore[arg-type]
        charged = checked(reported, lambda: COUNTED, input_bound=7, output_bound=9)
        assert charged == (COUNTED, (path.stem,))


@pytest.mark.parametrize("name", ["openai", "anthropic", "embeddings"])
def test_absent_usage_is_flagged_and_our_count_stands(name: str) -> None:
    """P2: no usage is no free call."""
    for body in ({}, {"usage": None}):
        reported = DIALECTS[name].response_usage(body)
        assert reported is None
        charged = checked(reported, lambda: COUNTED, input_bound=7, output_bound=9)
        assert charged == (COUNTED, ("provider_usage_missing",))


def test_an_unsound_event_voids_what_came_before() -> None:
    """P2: of a stream that once lied about its usage no earlier total is believed."""
    good = {"prompt_tokens": 5, "completion_tokens": 1}
    bad = {"prompt_tokens": 5, "completion_tokens": -1}
    chunks = [{"choices": [], "usage": good}, {"choices": [], "usage": bad}]
    assert streamed(OPENAI_CHAT, chunks) == Unsound("provider_usage_negative")
    events = anthropic_stream({"input_tokens": 5, "output_tokens": -1})
    more = {"type": "message_delta", "usage": {"output_tokens": 9}}
    assert streamed(ANTHROPIC_MESSAGES, [*events, more]) == Unsound("provider_usage_negative")


def test_searches_of_a_running_stream_raise_the_input() -> None:
    """P2: `message_delta` restates an input that grew while the provider's tools ran."""
    frames = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 2679, "output_tokens": 3}}},
        {"type": "message_delta", "usage": {
            "input_tokens": 10682, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": 510, "server_tool_use": {"web_search_requests": 1}}},
    ]  # fmt: skip
    assert streamed(ANTHROPIC_MESSAGES, frames) == Usage(10682, 510, web_searches=1)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_what_is_written_is_read_back(
    plain: int, output: int, cached: int, write: int, hour: int, audio: int, image: int, spoken: int
) -> None:
    """P2: translating usage into the other dialect loses no token."""
    usage = Usage(plain, output, cached, write, 0, hour, audio, spoken, image)
    openai = sound(read_openai_usage(write_openai_usage(usage)))
    anthropic = sound(read_anthropic_usage(write_anthropic_usage(usage)))
    for read in (openai, anthropic):
        assert read is not None
        assert read.total_input_tokens == usage.total_input_tokens
        assert read.total_output_tokens == usage.total_output_tokens
    assert openai is not None and openai.audio_output_tokens == spoken
    assert anthropic is not None and anthropic.cache_write_1h_tokens == hour


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(
        st.sampled_from(("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens",
                         "output_tokens", "cached_tokens", "prompt_tokens_details",
                         "completion_tokens_details", "cache_creation", "audio_tokens",
                         "ephemeral_1h_input_tokens", "server_tool_use")), below, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(_JUNK)
def test_no_report_breaks_the_reader_or_charges_less_than_nothing(junk: Any) -> None:
    """P2: whatever stands under `usage`, it is nothing, unsound, or buckets that add up."""
    for dialect in DIALECTS.values():
        read = dialect.response_usage({"usage": junk})
        if isinstance(read, Usage):
            numbers = set(Usage.__slots__) - {"source", "units"}
            assert min(getattr(read, name) for name in numbers) >= 0
            assert read.reasoning_tokens <= read.total_output_tokens or dialect.family != "openai"
