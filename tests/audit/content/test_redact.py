"""Redaction of kept bodies: every place a value can hide in, streams, cuts."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.audit.content.prepare import at_once
from extproc.audit.content.redact import Redactor
from extproc.audit.content.scan import Unreadable
from extproc.guardrails.detectors import pii, secrets
from extproc.guardrails.values import Span
from tests.audit.content.kept import CANARIES, CARD, EMAIL, SECRET
from tests.exchange.stage import delta

DETECTORS = (secrets.build({}), pii.build({"categories": ["ALL"]}))
REDACTOR = Redactor(DETECTORS, ("diagnosis", "Salary"))
ROOM = 1 << 20
CARD_NUMBER = int(CARD.replace(" ", ""))


def redacted(tree: Any, room: int = ROOM) -> Any:
    data, cut = at_once(REDACTOR.json(json.dumps(tree).encode(), room))
    assert not cut
    return json.loads(data)


def sse(*frames: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)


def texts(stream: bytes) -> str:
    """What the deltas of a stream say together."""
    out = ""
    for line in stream.decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:]).get("choices", ()):
                out += choice["delta"].get("content") or ""
    return out


def arguments(*pieces: str) -> list[dict[str, Any]]:
    return [
        {"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "function": {"arguments": piece}}]}}]}
        for piece in pieces
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (f"mail {EMAIL} now", "mail [EMAIL] now"),
        (CARD_NUMBER, "[CARD]"),
        (float(CARD_NUMBER), "[CARD]"),
        (-CARD_NUMBER, "[CARD]"),
        ({"ssn": 78051120}, {"ssn": "[US_SSN]"}),
        ({"password": "correcthorse9battery"}, {"password": "[REDACTED]"}),
        ({"diagnosis": "flu"}, {"diagnosis": "[masked]"}),
        ({"DIAGNOSIS": True}, {"DIAGNOSIS": "[masked]"}),
        ({"salary": 1234.5}, {"salary": "[masked]"}),
        ({"salary": {"net": [1, 2]}}, {"salary": "[masked]"}),
        ({"salary": None}, {"salary": "[masked]"}),
        ({EMAIL: 1}, {"[EMAIL]": 1}),
        ({EMAIL: 1, "eve@example.com": 2}, {"[EMAIL]": 1, "[EMAIL] 2": 2}),
        ([[[EMAIL]]], [[["[EMAIL]"]]]),
        ("data:image/png;base64," + "iVBORw0KGgo" * 60, "[omitted: binary, 682 characters]"),
        ("QUJD" * 200, "[omitted: binary, 800 characters]"),
        ("call 0123", "call 0123"),
        ({"n": 3, "t": 0.5, "b": False, "z": None}, {"n": 3, "t": 0.5, "b": False, "z": None}),
    ],
)
def test_every_place(given_value: Any, kept: Any) -> None:
    """P4: values, names of fields, numbers and booleans, whatever their type."""
    assert redacted({"messages": [{"content": given_value}]}) == {"messages": [{"content": kept}]}


def test_tool_arguments_are_read_as_json() -> None:
    """P4: keys, numbers, escapes and masked fields inside text that is itself JSON."""
    deep = json.dumps({"again": json.dumps({"card": CARD})})
    text = json.dumps({EMAIL: {"card": CARD_NUMBER, "diagnosis": [1]}, "deep": deep})
    text = text.replace("lovelace@", "lovelace\\u0040")
    said = json.loads(redacted({"arguments": text})["arguments"])
    assert said["[EMAIL]"] == {"card": "[CARD]", "diagnosis": "[masked]"}
    assert json.loads(json.loads(said["deep"])["again"]) == {"card": "[CARD]"}


def test_what_is_clean_stays_as_it_was() -> None:
    """P6: text that holds JSON is not written anew where nothing in it has changed."""
    tree = {"arguments": '{ "a":  1.50, "b": [ ] }', "content": "nothing here"}
    assert redacted(tree) == tree


@pytest.mark.parametrize(
    "text",
    [
        'so {"diagnosis": "x CANARY"} it',
        'so {"diagnosis": {"a": ["CANARY"',
        '{"diagnosis": "half CANARY',
        '{"a": 1, "a": 2, "diagnosis": "CANARY"}',
        '[1, {"salary": CANARY',
        'quoted \\"diagnosis\\": \\"CANARY',
    ],
)
def test_masked_fields_amid_words(text: str) -> None:
    """P4: a masked field is masked in JSON that breaks off, is quoted, or stands between words."""
    assert "CANARY" not in json.dumps(redacted({"content": text}))


def test_names_that_lead_on() -> None:
    """P4: a duplicate name cannot bring a value past the redaction inside text."""
    text = f'{{"a": "{EMAIL}", "a": "x"}}'
    assert EMAIL not in redacted({"arguments": text})["arguments"]


def test_nested_too_deep_is_not_kept() -> None:
    """P4: nobody looks for ever."""
    text: Any = {"x": EMAIL}
    for _ in range(7):
        text = {"x": json.dumps(text)}
    assert EMAIL not in json.dumps(redacted(text)) and "too deep" in json.dumps(redacted(text))


def test_a_stream_is_one_text() -> None:
    """P5: what is split over frames is found, each choice by itself; arguments as JSON."""
    frames = [delta(piece) for piece in ("pay 4111 1111 ", "1111 ", "1111 to ada.love",
                                         "lace@example", ".com ok")]  # fmt: skip
    other = delta("2222 ")
    other["choices"][0]["index"] = 1
    frames.insert(1, other)
    out, cut = at_once(REDACTOR.events(sse(*frames), ROOM, True))
    assert not cut and texts(out) == "pay [CARD]2222  to [EMAIL] ok"
    pieces = ('{"card": 41111111', '11111111, "diag', 'nosis": {"x": ', '"flu"}}')
    out, _ = at_once(REDACTOR.events(sse(*arguments(*pieces)), ROOM, True))
    assert b"flu" not in out and b"11111111" not in out
    said = json.loads(out.split(b"\n")[0][6:])["choices"][0]["delta"]["tool_calls"][0]
    assert json.loads(said["function"]["arguments"]) == {
        "card": "[CARD]", "diagnosis": "[masked]"}  # fmt: skip
    assert out.count(b"data: ") == len(pieces)


def test_streams_of_other_dialects() -> None:
    """P5: text, reasoning and arguments of Claude's and of the Responses' events, whatever the
    frames are called; what the last event says again is redacted again."""
    halves = ("ada.love", "lace@example.com, ")
    claude = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": h}}
          for h in halves),
        *({"type": "content_block_delta", "index": 1,
           "delta": {"type": "input_json_delta", "partial_json": h}}
          for h in ('{"to": "ada.love', 'lace@example.com"}')),
    ]  # fmt: skip
    where = {"item_id": "m", "output_index": 0, "content_index": 0}
    responses = [
        *({"type": "response.output_text.delta", **where, "delta": half} for half in halves),
        {"type": "response.output_text.done", **where, "text": "".join(halves)},
        {"type": "response.completed", "response": {"output": [
            {"content": [{"type": "output_text", "text": "".join(halves)}]}]}},
    ]  # fmt: skip
    for frames, found in ((claude, 2), (responses, 3)):
        out, _ = at_once(REDACTOR.events(sse(*frames), ROOM, True))
        assert b"lovelace" not in out and b"lace@" not in out and b"ada.love" not in out
        assert out.count(b"[EMAIL]") == found


def test_arguments_that_break_off() -> None:
    """P4: a stream that ended early leaks neither a masked field nor an escaped value."""
    pieces = ('{"mail": "ada.lovelace\\u00', '40example.com", "diagnosis', '": "fl')
    out, _ = at_once(REDACTOR.events(sse(*arguments(*pieces)), ROOM, True))
    assert b"lovelace" not in out and b'"fl' not in out and b'\\"fl' not in out


SAID = f"a {EMAIL} b {CARD} c {SECRET} d"


@settings(max_examples=100, deadline=None)
@given(cuts=st.lists(st.integers(1, len(SAID) - 1), max_size=12), limit=st.integers(300, 4000))
def test_any_split_any_cut(cuts: list[int], limit: int) -> None:
    """P4: however a stream is split, and wherever it is cut, no part of a value is left that a
    reader could complete."""
    edges = [0, *sorted(set(cuts)), len(SAID)]
    frames = [{**delta(SAID[a:b]), "obfuscation": "x"} for a, b in pairwise(edges)]
    data = sse(*frames)
    out, _ = at_once(REDACTOR.events(data, ROOM, True))
    assert texts(out) == "a [EMAIL] b [CARD] c [REDACTED] d"
    start = data[:limit]
    out, cut = at_once(REDACTOR.events(start, ROOM, len(start) == len(data)))
    said = texts(out).replace("[cut]", "")
    assert "a [EMAIL] b [CARD] c [REDACTED] d".startswith(said)
    assert cut or start == data


@settings(max_examples=60, deadline=None)
@given(before=st.integers(0, 3000), room=st.integers(1024, 2500))
def test_a_cut_is_made_after_the_redaction(before: int, room: int) -> None:
    """P4: half a card number at the end of a cut body is not kept, in JSON or in words."""
    text = "x" * before + f" {CARD} {EMAIL} " + "y" * 4000
    for work in (
        REDACTOR.json(json.dumps({"a": text, "b": [EMAIL] * 50}).encode(), room),
        REDACTOR.text(text.encode(), room),
    ):
        out, cut = at_once(work)
        assert cut and len(out) <= room
        assert b"4111" not in out and b"lovelace" not in out


def test_no_budget_ends_before_a_value_unseen() -> None:
    """P4: wherever the budget ends, at a value, an object or JSON inside text, what nobody has
    looked at is not there."""
    tree = {
        "pad": "x " * 40, "o": {"k": {"mail": EMAIL}}, "l": [[EMAIL], [1, {EMAIL: EMAIL}]],
        "t": json.dumps({"mail": EMAIL}), "s": f"some words {EMAIL} and more", EMAIL: 1,
        "n": [CARD_NUMBER] * 3,
    }  # fmt: skip
    data, stream = json.dumps(tree).encode(), sse(tree, tree)
    for room in range(8, 2 * len(stream), 3):
        for work in (REDACTOR.json(data, room), REDACTOR.events(stream, room, True)):
            out, cut = at_once(work)
            assert b"lovelace" not in out and b"41111" not in out, room
            assert cut or b"[EMAIL]" in out


def test_a_million_small_values_are_cut_too() -> None:
    """P8: the work is bounded by what is kept, not by what was sent."""
    data = json.dumps({"a": [1] * 200_000, "b": EMAIL}).encode()
    steps, work = 0, REDACTOR.json(data, 16_384)
    try:
        while True:
            next(work)
            steps += 1
    except StopIteration as done:
        out, cut = done.value
    assert cut and len(out) <= 16_384 and steps < 20
    assert json.loads(out)["a"][:2] == [1, 1]


class Broken:
    """A detector with a defect."""

    def find(self, text: str) -> list[Span]:
        raise ZeroDivisionError

    def holdback(self, text: str) -> int:
        raise ZeroDivisionError

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Span], int]:
        raise ZeroDivisionError

    def replacement(self, span: Span, found: str) -> str:
        return ""


def test_what_nobody_could_look_at_is_not_kept() -> None:
    """P3: a body that cannot be read, or a detector that fails, gives nothing at all."""
    for data in (b'{"a": ', b"\xff{}", b'{"a":' * 100 + b"1" + b"}" * 100):
        with pytest.raises(Unreadable):
            at_once(REDACTOR.json(data, ROOM))
    with pytest.raises(Unreadable):
        at_once(REDACTOR.events(b"data: {nonsense\n\n", ROOM, True))
    with pytest.raises(Unreadable):
        at_once(Redactor([Broken()]).text(b"x", ROOM))


def test_large_texts_let_others_run() -> None:
    """P8: a long text is looked at in pieces."""
    work = REDACTOR.text(("word " * 60_000 + CARD + " " + SECRET).encode(), ROOM)
    steps = 0
    try:
        while True:
            next(work)
            steps += 1
    except StopIteration as done:
        out, _ = done.value
    assert steps >= 4 and not any(one.encode() in out for one in CANARIES)
