"""`bench.guardrail_stream`: what is counted as a delay and as held, and that everybody works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest

from bench import guardrail_stream as bench
from bench.streams import holding
from bench.streams.callers import (
    ALL,
    BARE,
    DETECTORS,
    FLOOR,
    GATEWAY,
    REDACTING,
    REVEALING,
    documents,
    everybody,
)
from bench.streams.client import Caller, Stream, Token, read
from bench.streams.provider import (
    EMAIL,
    CannotMeasure,
    Stamped,
    placeholder,
    since_ns,
    stamp,
    tokens,
)
from extproc.guardrails.selection import arrange

MS = 1_000_000
COUNT = 24


def stream(*delays_ms: float, every_ms: int = 10) -> Stream:
    """Words of four characters, one sent every 10 ms."""
    found = [
        Token(" abc", at * every_ms * MS + int(delay * MS), int(delay * MS))
        for at, delay in enumerate(delays_ms)
    ]
    return Stream(-MS, found[-1].arrived_ns, found)


# --- the stream and its reader -------------------------------------------------------------------


def test_a_stamp_is_as_long_as_what_it_stands_for() -> None:
    """P8: a frame keeps its length, and a delay is right when the clock's lower bits wrap."""
    assert len(stamp(0)) == len(stamp((1 << 62) - 1)) == len("fp_44709d6fcb")
    assert since_ns(stamp(5 * MS).decode(), 7 * MS) == 2 * MS
    assert since_ns(stamp((1 << 40) - 10).decode(), (1 << 40) + 5) == 15


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_tokens_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    """P5: the reader takes any split, and a token is there when its last byte is."""
    raw = b"".join(Stamped(COUNT))
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    found = read(0, [(at, piece) for at, piece in enumerate(pieces)])
    assert [token.text for token in found.tokens] == tokens(COUNT)
    arrived = [token.arrived_ns for token in found.tokens]
    assert arrived == sorted(arrived) and found.ended_ns == len(pieces) - 1
    if size <= 7:
        assert all(before < after for before, after in pairwise(arrived))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
        b"".join(Stamped(COUNT))[:-200],
        b"",
    ],
)
def test_what_is_no_whole_stream_is_not_measured(raw: bytes) -> None:
    """P8: a refusal or half an answer is a failure, never a fast stream."""
    with pytest.raises(CannotMeasure):
        read(0, [(1, raw)])


def test_the_placeholder_comes_in_pieces() -> None:
    """P5: no frame has it whole, so that somebody has to wait for it."""
    pieces = tokens(COUNT)
    assert len(pieces) == COUNT and placeholder() in "".join(pieces)
    assert not any(placeholder() in piece for piece in pieces)


# --- arithmetic ----------------------------------------------------------------------------------


def test_in_flight_is_text_by_the_time_it_waits() -> None:
    """P8: a word that always waits for the next one is one word in flight, all of the time."""
    assert bench.in_flight(stream(10, 10, 10, 10)) == 4 * 4 * 10 / 40
    assert bench.in_flight(stream(0, 0, 0, 0)) == 0
    assert bench.in_flight(stream(30, 20, 10, 0)) == 4 * 60 / 30


def test_held_is_beyond_what_the_floor_has_in_flight() -> None:
    """P8: what everybody's frames need to arrive is not held text."""
    cell = {FLOOR: [[stream(2, 2, 2)]], REDACTING: [[stream(12, 12, 12)]]}
    rows = bench.report(cell)
    assert rows[FLOOR]["held"] == 0
    assert 0 < rows[REDACTING]["held"] < rows[REDACTING]["in_flight"]


def test_figures_tell_the_first_token_from_the_others() -> None:
    """P8: the first counts from the question, the others from their own frames."""
    found = bench.figures([[stream(4, 1, 1)], [stream(4, 3, 3)]])
    assert (found["first_p50"], found["later_p50"], found["streams"]) == (5, 2, 2)
    assert found["later_p99"] == 3


class _Fake(Caller):
    def __init__(self, row: str, asked: list[str], answer: Stream) -> None:
        super().__init__(0, b"")
        self._row, self._asked, self._answer = row, asked, answer

    async def ask(self, at_once: int) -> list[Stream]:
        self._asked.append(self._row)
        return [self._answer] * at_once


async def test_everybody_has_as_many_turns_in_changing_order() -> None:
    """P8: other work on the machine hits all alike."""
    asked: list[str] = []
    rows = [FLOOR, *GATEWAY]
    cell = await bench.rounds({row: _Fake(row, asked, stream(1, 1)) for row in rows}, 2, 0.0)
    assert {len(found) for found in cell.values()} == {bench.ROUNDS_MIN}
    turns = asked[len(rows) :]  # after everybody has warmed up
    first, second = turns[: len(rows)], turns[len(rows) :]
    assert sorted(first) == sorted(second) == sorted(rows) and first != second


def spoken(text: str) -> Stream:
    return Stream(0, 1, [Token(text, 1, 1)])


def test_another_text_is_not_measured() -> None:
    """P8: a row that lost a token, or let a pseudonym through, has not done its work."""
    whole = "".join(tokens(COUNT))
    revealed = whole.replace(placeholder(), EMAIL)
    good = {FLOOR: [[spoken(whole)]], REVEALING: [[spoken(revealed)]]}
    bench.check(good, COUNT)
    for row, text in ((FLOOR, whole[:-1]), (FLOOR, revealed), (REVEALING, whole)):
        with pytest.raises(CannotMeasure, match=row):
            bench.check({**good, row: [[spoken(whole), spoken(text)]]}, COUNT)


def test_the_report_compares_with_the_floor() -> None:
    """P8: beside every figure stands what it is over the processor that does nothing."""
    cell = {FLOOR: [[stream(1, 2, 2)]], REDACTING: [[stream(3, 6, 6)]]}
    text = bench.markdown({"some": bench.table(cell, shows_held=True)})
    lines = text.splitlines()
    floor, ours = (next(one for one in lines if one.startswith(f"| {row} |")) for row in cell)
    assert floor.count("(+0.00, x1.00)") == len(bench.COLUMNS)
    assert "6.00 (+4.00, x3.00)" in ours
    heads, dashes = lines[:2]
    assert heads.count("|") == dashes.count("|") == ours.count("|")


def test_no_guardrail_is_left_out() -> None:
    """P8: what is called all of them is all, in the gateway as in one process."""
    rules = next(
        document["rules"]
        for document in map(json.loads, documents([1, 2]).split("\n---\n"))
        if document["type"] == "gateway-guardrails-config"
    )
    hooks = {rule["id"]: rule.get("llm_output_guardrails", []) for rule in rules}
    assert set(hooks["all"]) == {f"g/{kind}" for kind in DETECTORS}
    assert set(hooks["all"]) - set(hooks["most"]) == {"g/prompt-injection"}


# --- what is held, and everybody together --------------------------------------------------------


def most(kinds: Sequence[str]) -> int:
    return max(holding.held(holding.selection(holding.built(kinds)), tokens(256)))


def test_nobody_holds_nothing() -> None:
    """P8: without guardrails every token leaves at once."""
    assert set(holding.held(arrange([]), tokens(COUNT))) == {0}


QUICK = ("pii", "secrets", "regex", "topics", "sql-sanitizer", "prompt-leak")
"""Those that are built in no time."""


@pytest.mark.parametrize("kind", QUICK)
def test_a_detector_holds_a_word_of_prose_or_two(kind: str) -> None:
    """P5: what waits is what could still become a finding; of prose that is little."""
    assert most([kind]) <= 40


def test_together_they_hold_what_one_of_them_does() -> None:
    """P5: text waits for the last of those who look at it, not for one after the other."""
    assert most(QUICK) <= 2 * max(most([kind]) for kind in QUICK)


@pytest.mark.e2e
async def test_everybody_answers_the_same_stream() -> None:
    """P5: through real Envoy all rows give the text they should, and guarded ones hold some."""
    quick = {kind: DETECTORS[kind] for kind in QUICK}
    async with everybody(COUNT, (0.004, 0.0), quick) as (paced, at_once):
        cell = await bench.rounds(paced, 1, 0.5)
        many = await bench.rounds(at_once, 3, 0.0)
    bench.check(cell, COUNT)
    bench.check(many, COUNT)
    assert {len(streams) for found in many.values() for streams in found} == {3}
    rows = bench.report(cell)
    assert rows[REDACTING]["held"] > rows[BARE]["held"]
    assert rows[ALL]["held"] > rows[BARE]["held"]
    assert rows[BARE]["first_p50"] < 50 * rows[FLOOR]["first_p50"]
    assert rows[BARE]["whole_p50"] < 5 * rows[FLOOR]["whole_p50"]
