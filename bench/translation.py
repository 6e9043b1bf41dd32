"""What a translation costs, in microseconds of CPU, beside a body that passes as it came.

    python -m bench.translation [--rounds 9] [--json FILE]

For every caller's dialect and every dialect of providers: a request (a system prompt, nine turns,
two tools), an answer, and one frame of a streamed answer of 400 words. `x` is the ratio
to the floor of the same run: strict reading and writing of the same body (requests, answers),
cutting and writing of the same frames (streams), which is all that happens where both speak the
same dialect. Answers and frames only where callers speak the provider's dialect too: one of its own
is needed to begin with. The least of the rounds counts. Ends by itself, in about half a minute.
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
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.events import Began, Ended, Finished, TextPiece, Used
from extproc.llm.translate.sides import Translation
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
class Cost:
    """Microseconds above the floor, and the ratio to it."""

    us: float
    x: float

    def __str__(self) -> str:
        return f"+{self.us:.1f} | {self.x:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    caller: str
    provider: str
    request: Cost
    answer: Cost | None = None
    frame: Cost | None = None


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
        temperature=0.5,
    )  # fmt: skip


def answer() -> ChatAnswer:
    return ChatAnswer("a1", [Choice([Text(text=SENTENCE * 4)])], Usage(500, 400))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one who speaks a dialect would send: a request, and its answer in both forms."""

    request: Json
    answer: Json
    frames: list[Frame]


def sample(name: str) -> Sample:
    side = CHAT_CALLERS[name]
    writer = side.stream_writer(model="m", created=0, asked={})
    events = [Began("a1"), *(TextPiece(0, word) for word in WORDS), Finished(0, "stop"),
              Used(Usage(500, 400)), Ended()]  # fmt: skip
    frames = [frame for event in events for frame in writer.write(event)]
    request: Json = {"model": "m", "prompt": SENTENCE, "max_tokens": 500}
    if name in CHAT_PROVIDERS:
        made = CHAT_PROVIDERS[name].write_request(conversation(), default_max_tokens=500)
        request = {"model": "m", **made}
    whole = side.write_answer(answer(), model="m", created=0, asked=request)
    return Sample(request, whole, frames)


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


def cost(rounds: int, floor: Callable[[], object], all_: Callable[[], object], per: int) -> Cost:
    least, whole = least_us(rounds, floor), least_us(rounds, all_)
    return Cost((whole - least) / per, whole / least)


def request_cost(rounds: int, translation: Translation, asked: Sample) -> Cost:
    sent = strict_json.dump(asked.request)

    def translated() -> bytes:
        made = translation.request(strict_json.parse(sent), stream=False, default_max_tokens=500)
        return strict_json.dump(made.body)

    return cost(rounds, lambda: strict_json.dump(strict_json.parse(sent)), translated, 1)


def answer_cost(rounds: int, translation: Translation, asked: Sample, said: Sample) -> Cost:
    back = strict_json.dump(said.answer)

    def translated() -> bytes:
        made = translation.response(
            strict_json.parse(back), model="m", created=0, asked=asked.request
        )
        return strict_json.dump(made.body)

    return cost(rounds, lambda: strict_json.dump(strict_json.parse(back)), translated, 1)


def frame_cost(rounds: int, translation: Translation, asked: Sample, said: Sample) -> Cost:
    stream = b"".join(encode(frame.event, frame.data) for frame in said.frames)

    def translated() -> bytes:
        made = translation.stream(model="m", created=0, asked=asked.request)
        out = [frame for read in SseReader().feed(stream) for frame in made.feed(read)]
        return b"".join(map(wire, out + made.finish()))

    def passed() -> bytes:
        return b"".join(map(wire, SseReader().feed(stream)))

    return cost(rounds, passed, translated, len(said.frames))


def measure(rounds: int) -> Iterator[Row]:
    known = {name: sample(name) for name in CHAT_CALLERS}
    for (caller, provider), translation in sorted(TRANSLATIONS.items()):
        if caller not in known:
            continue
        asked, said = known[caller], known.get(provider)
        request = request_cost(rounds, translation, asked)
        if said is None:
            yield Row(caller, provider, request)
        else:
            yield Row(
                caller, provider, request,
                answer_cost(rounds, translation, asked, said),
                frame_cost(rounds, translation, asked, said),
            )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.translation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print("| caller | provider | request us | x | answer us | x | frame us | x |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for row in measure(arguments.rounds):
        rows.append(row)
        rest = " | ".join(str(one or "- | -") for one in (row.answer, row.frame))
        print(f"| {row.caller} | {row.provider} | {row.request} | {rest} |", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
