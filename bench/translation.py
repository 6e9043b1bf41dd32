"""What a translation costs, in microseconds of CPU, beside a body that passes as it came.

    python -m bench.translation [--rounds 9] [--json FILE]

For every caller's dialect and every dialect of providers: a request (a system prompt, six turns, two
tools, a schema), an answer, and one frame of a streamed answer of 400 words. `x` is the ratio to the
floor of the same run: strict reading and writing of the same body (requests, answers), cutting and
writing of the same frames (streams), which is all that happens where both speak the same dialect.
The least of the rounds counts, the pairs take turns. Ends by itself, in about half a minute.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from extproc.llm import strict_json
from extproc.llm.call import Frame, Json
from extproc.llm.sse import SseReader, encode, wire
from extproc.llm.translate import CHAT_CALLERS, CHAT_PROVIDERS, TRANSLATIONS
from extproc.llm.translate.conversation import (
    ChatAnswer,
    ChatRequest,
    Choice,
    OutputFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.events import Began, Ended, Finished, TextPiece, Used
from extproc.usage.usage import Usage

WORDS = [f"word{n} " for n in range(400)]
SENTENCE = "The gateway reads what it was sent, and says what it decided. " * 8
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One pair. Microseconds, and ratios to the floor."""

    caller: str
    provider: str
    request_us: float
    request_x: float
    answer_us: float
    answer_x: float
    frame_us: float
    frame_x: float


def conversation() -> ChatRequest:
    turns = []
    for n in range(3):
        turns.append(Turn("user", [Text(text=SENTENCE)]))
        turns.append(Turn("assistant", [Text(text=SENTENCE),
                                        ToolCall(call_id=f"call_{n}", name="weather",
                                                 arguments='{"city":"Oslo"}')]))  # fmt: skip
        turns.append(Turn("user", [ToolResult(call_id=f"call_{n}", name="weather",
                                              content=[Text(text="4 degrees")])]))  # fmt: skip
    tools = [Tool(name, f"Tells the {name}.", SCHEMA) for name in ("weather", "time")]
    return ChatRequest(
        system=[Text(text=SENTENCE)], turns=turns, tools=tools, max_output_tokens=500,
        temperature=0.5, output=OutputFormat("json_schema", SCHEMA, "answer", strict=True),
    )  # fmt: skip


def answer() -> ChatAnswer:
    return ChatAnswer("a1", [Choice([Text(text=SENTENCE * 4)])], Usage(500, 400))


def bodies() -> dict[str, tuple[Json, Json, list[Frame]]]:
    """Dialect -> a request, an answer and a stream, as one who speaks it would send them.

    A request is written by a dialect's provider's side, an answer by its caller's: those without
    one of the sides take what they need from Chat Completions' reader, or stay out.
    """
    found: dict[str, tuple[Json, Json, list[Frame]]] = {}
    for name in CHAT_CALLERS:
        side = CHAT_CALLERS[name]
        writer = side.stream_writer(model="m", created=0, asked={})
        events = [Began("a1"), *(TextPiece(0, word) for word in WORDS), Finished(0, "stop"),
                  Used(Usage(500, 400)), Ended()]  # fmt: skip
        frames = [frame for event in events for frame in writer.write(event)]
        written = CHAT_PROVIDERS[name] if name in CHAT_PROVIDERS else None
        request = _request(name) if written is None else written.write_request(
            conversation(), default_max_tokens=500
        )  # fmt: skip
        request = {"model": "m", **request}
        found[name] = (request, side.write_answer(answer(), model="m", created=0, asked=request),
                       frames)  # fmt: skip
    return found


def _request(name: str) -> Json:
    return {"model": "m", "prompt": SENTENCE, "max_tokens": 500}


def least_us(rounds: int, work: Callable[[], object]) -> float:
    """The least time of one call; enough calls a round to be seen."""
    work()
    times = []
    for _ in range(rounds):
        began, calls = time.perf_counter_ns(), 0
        while time.perf_counter_ns() - began < 4_000_000:
            work()
            calls += 1
        times.append((time.perf_counter_ns() - began) / calls / 1_000)
    return min(times)


def measure(rounds: int) -> Iterator[Row]:
    known = bodies()
    for (caller, provider), translation in sorted(TRANSLATIONS.items()):
        if caller not in known or provider not in known:
            continue
        request, _, _ = known[caller]
        _, whole, frames = known[provider]
        sent = strict_json.dump(request)
        back = strict_json.dump(whole)
        stream = b"".join(encode(frame.event, frame.data) for frame in frames)
        request_floor = least_us(rounds, lambda: strict_json.dump(strict_json.parse(sent)))
        request_all = least_us(rounds, lambda: strict_json.dump(
            translation.request(strict_json.parse(sent), stream=False, default_max_tokens=500).body
        ))  # fmt: skip
        answer_floor = least_us(rounds, lambda: strict_json.dump(strict_json.parse(back)))
        answer_all = least_us(rounds, lambda: strict_json.dump(
            translation.response(strict_json.parse(back), model="m", created=0, asked=request).body
        ))  # fmt: skip
        frame_floor = least_us(rounds, lambda: _passed(stream)) / len(frames)
        frame_all = least_us(rounds, lambda: _translated(translation, stream, request)) / len(frames)
        yield Row(
            caller, provider, request_all - request_floor, request_all / request_floor,
            answer_all - answer_floor, answer_all / answer_floor,
            frame_all - frame_floor, frame_all / frame_floor,
        )  # fmt: skip


def _passed(stream: bytes) -> bytes:
    return b"".join(wire(frame) for frame in SseReader().feed(stream))


def _translated(translation: object, stream: bytes, asked: Json) -> bytes:
    translator = translation.stream(model="m", created=0, asked=asked)  # type: ignore[attr-defined]
    frames = SseReader().feed(stream)
    out = [made for frame in frames for made in translator.feed(frame)]
    return b"".join(map(wire, out + translator.finish()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.translation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print("| caller | provider | request us | x | answer us | x | frame us | x |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for row in measure(arguments.rounds):
        rows.append(row)
        print(
            f"| {row.caller} | {row.provider} | +{row.request_us:.0f} | {row.request_x:.1f} "
            f"| +{row.answer_us:.0f} | {row.answer_x:.1f} | +{row.frame_us:.1f} "
            f"| {row.frame_x:.1f} |",
            flush=True,
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
