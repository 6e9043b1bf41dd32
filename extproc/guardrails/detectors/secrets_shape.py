"""How credentials are written: shapes as short text, and the kinds of rule made of them.

A shape is the token as its vendor prints it, with runs in braces: `ghp_{a36}` is `ghp_` and 36
letters or digits. `{a36-255}` has bounds, `{live|test}` alternatives, `{u}` is a UUID. The letters
are those of `CLASSES`. From one shape come the trigger, the exact pattern, the longest length and
the characters a token still being streamed may hold, so that they cannot disagree (P5).
Refuses: a shape it cannot read, and one without a literal where nothing else could be looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.secrets_checks import not_a_placeholder, random_key

Accept = Callable[[bytes], bool]

CLASSES = {
    "a": b"A-Za-z0-9",
    "b": b"A-Za-z0-9+/",  # base64, RFC 4648, 4
    "c": b"02-9ac-hj-np-z",  # bech32, BIP 173
    "C": b"02-9AC-HJ-NP-Z",
    "d": b"0-9",
    "e": b"=",
    "k": b"A-Za-z0-9_.~%&=\\-",  # a query of a URL
    "l": b"a-z0-9",
    "p": b"A-Za-z0-9_.~\\-",  # unreserved, RFC 3986, 2.3
    "q": b"A-Za-z0-9_=.\\-",
    "s": b"1-9A-HJ-NP-Za-km-z",  # base58
    "U": b"A-Z0-9",
    "w": b"A-Za-z0-9_\\-",  # base64url, RFC 4648, 5
    "x": b"0-9a-f",
    "X": b"0-9A-Fa-f",
    "%": b"A-Za-z0-9+/%_\\-",  # percent-encoded base64
}
_UUID = "{x8}-{x4}-{x4}-{x4}-{x12}"
_PIECE = re.compile(r"\{(?:([a-zA-Z%])(\d+)(?:-(\d+))?|([^{}|]+(?:\|[^{}|]+)+))\}|([^{}]+)")

TRIGGER_MAX = 104
"""From a token's start to its trigger's end: what a stream must hold of a word to miss nothing."""
_TRIGGER_RUN = 20

LEFT = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
ALONE = rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
"""For prefixes of ordinary words, where most look-alikes are refused: stay cheap."""
UNENCODED = rb"(?:(?<![A-Za-z0-9+/_-])|(?<=\\[nrt]))"
"""For prefixes that base64 of anything may hold as well."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table: `name` is its own, `label` what is reported of it."""

    name: str
    label: str
    rule: Rule


# --- shapes ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """`least` to `most` characters out of `chars` (inside of a bracket expression)."""

    pattern: bytes
    chars: bytes
    least: int
    most: int
    literal: bool

    def begun(self, width: int) -> bytes:
        """The pattern of the first `width` characters."""
        return self.pattern if self.literal else b"[" + self.chars + b"]{%d}" % width


def _literal(words: Sequence[str]) -> Piece:
    pattern = b"|".join(re.escape(word.encode()) for word in words)
    chars = re.sub(rb"([\\\-\]^])", rb"\\\1", "".join(words).encode())
    sizes = [len(word) for word in words]
    return Piece(b"(?:" + pattern + b")", chars, min(sizes), max(sizes), True)


def _pieces(shape: str) -> Iterator[Piece]:
    shape = shape.replace("{u}", _UUID)
    read = 0
    for found in _PIECE.finditer(shape):
        letter, least, most, choice, text = found.groups()
        read += len(found[0])
        if letter:
            chars, low, high = CLASSES[letter], int(least), int(most or least)
            yield Piece(b"[" + chars + b"]{%d,%d}" % (low, high), chars, low, high, False)
        else:
            yield _literal(choice.split("|") if choice else [text])
    if read != len(shape):
        raise ValueError(f"cannot read the shape '{shape}'")


@dataclass(frozen=True, slots=True)
class Shape:
    """`pattern`: the token, and that it ends there. `run`: the characters it may hold.

    `trigger`: what to look for, or None without a literal; the token begins at the trigger, or
    `lead` (bounds and characters) before it when the part in front has no fixed length.
    """

    pattern: bytes
    run: bytes
    longest: int
    trigger: Trigger | None
    lead: tuple[int, int, bytes] | None


def read_shape(text: str) -> Shape:
    """Read a shape. Raises ValueError when it cannot be read."""
    pieces = tuple(_pieces(text))
    last = pieces[-1]
    end = b""
    if last.literal or last.least == last.most:
        end = b"(?![A-Za-z0-9" + (b"" if last.literal else last.chars) + b"])"
    trigger, lead = _trigger(pieces)
    return Shape(
        b"".join(piece.pattern for piece in pieces) + end,
        b"[" + b"".join(piece.chars for piece in pieces) + b"]",
        sum(piece.most for piece in pieces),
        trigger,
        lead,
    )


def _trigger(pieces: Sequence[Piece]) -> tuple[Trigger | None, tuple[int, int, bytes] | None]:
    """From the first literal on, as far as one width goes."""
    first = next((index for index, piece in enumerate(pieces) if piece.literal), None)
    if first is None:
        return None, None
    before = pieces[:first]
    lead = None
    if any(piece.least < piece.most for piece in before):
        (piece,) = before
        lead = (piece.least, piece.most, piece.chars)
    width = 0 if lead else sum(piece.most for piece in before)
    room = TRIGGER_MAX - (lead[1] if lead else 0)
    expression = b""
    for piece in pieces[first:]:
        size = min(piece.least, room - width, piece.least if piece.literal else _TRIGGER_RUN)
        if piece.literal and size < piece.most:
            break
        expression += piece.begun(size)
        width += size
        if size < piece.most:
            break
    return Trigger(expression, width), lead


# --- rules -----------------------------------------------------------------------------------


def token(
    name: str,
    label: str,
    text: str,
    accept: Accept = not_a_placeholder,
    left: bytes = LEFT,
) -> Kind:
    """A token that its own shape tells from everything else."""
    shape = read_shape(text)
    if shape.trigger is None:
        raise ValueError(f"the shape '{text}' has nothing to look for")
    exact = re.compile(left + shape.pattern)
    tail = re.compile(left + shape.run + rb"*+\Z")
    begin = _begin(shape)
    reach = shape.longest + 1

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        start = begin(data, at)
        found = exact.match(data, start) if start >= 0 else None
        return found.span() if found and accept(found[0]) else None

    def unsettled(data: bytes, at: int) -> int | None:
        start = begin(data, at)
        near = start >= 0 and len(data) - start <= reach
        return start if near and tail.match(data, start) else None

    return Kind(name, label, Rule(label, (shape.trigger,), read, unsettled))


def _begin(shape: Shape) -> Callable[[bytes, int], int]:
    """Where a token begins whose trigger was found at a place; negative when nowhere."""
    if shape.lead is None:
        return lambda _data, at: at
    least, most, chars = shape.lead
    reversed_lead = re.compile(b"[" + chars + b"]{%d,%d}" % (least, most))

    def begin(data: bytes, at: int) -> int:
        found = reversed_lead.match(data[max(0, at - most) : at][::-1])
        if found is None:
            return -1
        start = at - found.end()
        escape = start > 0 and data[start - 1 : start + 1] in (b"\\n", b"\\r", b"\\t")
        return start + 1 if escape and found.end() > least else start

    return begin


GAP = rb"(?>[>=]?\*{0,2}[ \t]{0,3}\\?)([\"'`])?+"
"""Between a sign and a value; group 1 is the opening quote."""
GAP_MAX = 8
NAME_END = rb"[\"'`\\*_\]]{0,4}"
"""What may close a name: quotes, Markdown's emphasis, an index."""
SIGN = NAME_END + rb"(?:(?:[ \t](?:is|was|are))?[ \t]{0,3}[=:|]|[ \t]-[> \t]|>)"
"""Between a name and a value: `=`, `:`, `is:`, the edge of a cell, a dash, an arrow, a tag."""
_SIGN_OR_IS = NAME_END + rb"(?:[ \t]{0,3}[=:|]|[ \t](?:is|-)[ \t])\Z"
_TO_THE_SIGN = rb"[\w.\- \t\"'`\\*\]]{0,37}(?:[=:|]|[ \t](?:is|-)[ \t])"
"""What a trigger lets stand between a name and its sign; the exact words would cost megabytes."""
_NAME_MAX = 56
_ABOUT_A_KEY = (
    rb"[\w.\- ]{0,18}(?:key|token|secret|password|passwd|pat|auth|credential|dsn)s?[0-9_]{0,3}"
)


def named(
    name: str, label: str, names: bytes, text: str, accept: Accept = random_key, full: bool = False
) -> Kind:
    """A value whose name (`name = value`, `name is value`) tells what it is.

    `names`: a vendor, at most 16 characters, which a word about keys must follow within eighteen;
    with `full` it is all of the name. Only the value is found.
    """
    shape = read_shape(text)
    exact = re.compile(GAP + b"(" + shape.pattern + b")")
    tail = re.compile(GAP + b"(" + shape.run + rb"*+)\Z")
    reach = shape.longest + GAP_MAX + 1
    names = b"(?i)(?:" + names + b")"
    whole_name = re.compile(names + (b"" if full else _ABOUT_A_KEY) + _SIGN_OR_IS)

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = exact.match(data, at)
        if found is None or not whole_name.search(data, max(0, at - _NAME_MAX), at):
            return None
        return found.span(2) if accept(found[2]) else None

    def unsettled(data: bytes, at: int) -> int | None:
        found = tail.match(data, at) if len(data) - at <= reach else None
        return found.start(2) if found else None

    return Kind(name, label, Rule(label, (Trigger(names + _TO_THE_SIGN, 0),), read, unsettled))


def behind(
    name: str, label: str, expression: bytes, text: str, accept: Accept = not_a_placeholder
) -> Kind:
    """A value right behind what `expression` finds within LOOKBEHIND characters, as in a URL."""
    shape = read_shape(text)
    exact = re.compile(shape.pattern)
    tail = re.compile(shape.run + rb"*+\Z")
    reach = shape.longest + 1

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = exact.match(data, at)
        return found.span() if found and accept(found[0]) else None

    def unsettled(data: bytes, at: int) -> int | None:
        return at if len(data) - at <= reach and tail.match(data, at) else None

    return Kind(name, label, Rule(label, (Trigger(expression, 0),), read, unsettled))
