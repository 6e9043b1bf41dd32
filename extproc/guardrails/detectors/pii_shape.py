"""How personal data is written: shapes as short text, and the kinds of rule made of them.

`printed`: a shape that stands alone, because its own arithmetic tells it from other numbers.
`beside`: a value that counts only right after words that name it.
`ending`: something whose end is looked for and whose start is read backwards, as of an address.

A shape is the value as it is printed: `ddd.ddd.ddd-dd`. `d` is a digit, `A` a capital, `x` either,
`M` a month and `D` a day of two digits, `Y` a year of four; `[...]` is a class, all else itself.
Promises: every rule reads at most LOOKBEHIND characters in front of what it finds and a bounded
stretch behind it, so that a stream finds what the whole text would (P5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from extproc.guardrails.detectors.pattern import Rule, Trigger
from extproc.guardrails.detectors.pii_words import WORDS_MAX, Words

Accept = Callable[[bytes], bool]
"""Says of a value, without separators and in capitals, whether it can be real."""

TAIL_MAX = 96
"""A kind's `tail` is looked for in so many trailing characters."""
VALUE_MAX = 48
"""The longest value of `beside`."""

SEPARATORS = b" -.()/+'\t"
_CLASSES = {
    "d": (rb"\d", 1),
    "A": (b"[A-Z]", 1),
    "x": (b"[0-9A-Z]", 1),
    "M": (b"(?:0[1-9]|1[0-2])", 2),
    "D": (b"(?:0[1-9]|[12][0-9]|3[01])", 2),
    "Y": (b"(?:19|20)[0-9][0-9]", 4),
}
_PART = re.compile(r"\[[^]]+\]|.")

ESCAPE = rb"(?<=\\[nrt])"  # source code and JSON in prose: `\n4111...` begins a number
LEFT = rb"(?:(?<![A-Za-z0-9_])(?<!\d[-.])|" + ESCAPE + rb")"
LEFT_SPACED = rb"(?:(?<![A-Za-z0-9_])(?<!\d[-. ])|" + ESCAPE + rb")"
LEFT_WORD = rb"(?:(?<![A-Za-z0-9_])(?<![A-Za-z0-9][-./])|" + ESCAPE + rb")"
RIGHT = rb"(?![A-Za-z0-9_])(?![-.]\d)"
RIGHT_SPACED = RIGHT + rb"(?! \d)"
RIGHT_WORD = rb"(?![A-Za-z0-9_])(?![-./][A-Za-z0-9])"
BEGIN = rb"(?:\b|\\[nrt])"

_BROKEN_WORD = re.compile(r"[ ()]")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: `rule` finds it, `locale` is the country it belongs to ('' for everywhere).

    `tail`: what may stand at the end of a text that is still coming and begin an unseen trigger,
    beyond the last word and the last number, which always wait. It begins where a word does.
    `named`: it waits only right behind this.
    """

    rule: Rule
    locale: str = ""
    tail: bytes = b""
    named: re.Pattern[bytes] | None = None

    @property
    def label(self) -> str:
        return self.rule.label


UNLESS_MAX = 40
"""What stands before a value is looked for in so many characters."""

PART_NUMBER = (
    rb"(?i:(?<![A-Za-z])(?:part|model|sku|serial|item|article|product|catalog(?:ue)?|stock)"
    rb"(?:[ _-]?(?:no|nr|num|number|code|id))?)[ .:#=]{0,3}"
)
"""Names of what is numbered by makers, as they please."""


def refused_behind(unless: bytes) -> Callable[[bytes, int], bool]:
    """Whether what stands right before a place says that nothing is there."""
    if not unless:
        return lambda _data, _start: False
    before = re.compile(b"(?:" + unless + rb")\Z")
    return lambda data, start: before.search(data, max(0, start - UNLESS_MAX), start) is not None


def always(_value: bytes) -> bool:
    return True


def compact(value: bytes) -> bytes:
    return value.translate(None, SEPARATORS).upper()


def read_shape(shape: str) -> tuple[bytes, int]:
    """The pattern of a shape and its width in characters."""
    pattern, width = b"", 0
    for part in _PART.findall(shape):
        itself = part.encode() if len(part) > 1 else re.escape(part.encode())
        piece, size = _CLASSES.get(part, (itself, 1))
        pattern, width = pattern + piece, width + size
    return pattern, width


def printed(
    label: str,
    *shapes: str,
    accept: Accept = always,
    locale: str = "",
    whole: bytes = b"",
    longest: int = 0,
    unless: bytes = b"",
) -> Kind:
    """What is told by how it is printed, and by `accept`. `unless`: not right behind this.

    `whole`: the pattern, boundaries included, where the shapes are only how it begins; it is at
    most `longest` characters.
    """
    exact = re.compile(whole or b"|".join(map(_bounded, shapes)))
    other = refused_behind(unless)
    reach = (longest or max(read_shape(shape)[1] for shape in shapes)) + 2

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        found = exact.match(data, at)
        if found and accept(compact(found[0])) and not other(data, at):
            return found.span()
        return None

    def unsettled(data: bytes, at: int) -> int | None:
        return at if len(data) - at <= reach else None

    triggers = tuple(_trigger(shape, not whole) for shape in shapes)
    broken = [shape for shape in shapes if _BROKEN_WORD.search(shape) and not _number(shape)]
    tail = b"|".join(map(_begun, broken))
    return Kind(Rule(label, triggers, read, unsettled), locale, tail)


def _begun(shape: str) -> bytes:
    """The pattern of every beginning of a shape; of a date the digits alone count."""
    begun = b""
    for part in reversed(_PART.findall(re.sub("[MD]", "dd", shape).replace("Y", "dddd"))):
        begun = read_shape(part)[0] + (b"(?:" + begun + b")?" if begun else b"")
    return begun


def _number(shape: str) -> bool:
    """Whether it is digits and what stands between digits, which the last number's wait covers."""
    return not re.sub(r"\[[0-9 /.^-]+\]|[dMDY0-9 ()./-]", "", shape)


def _bounded(shape: str) -> bytes:
    pattern, _width = read_shape(shape)
    if not _number(_PART.findall(shape)[0]):
        return LEFT_WORD + pattern + RIGHT_WORD
    if " " in shape:
        return LEFT_SPACED + pattern + RIGHT_SPACED
    return LEFT + pattern + RIGHT


def _trigger(shape: str, complete: bool) -> Trigger:
    pattern, width = read_shape(shape)
    begin = b"" if shape.startswith("(") else BEGIN
    end = rb"\b" if complete and shape[-1] != ")" else b""
    return Trigger(begin + pattern + end, width)


_RUN = re.compile(rb"[A-Za-z0-9\x80-\xff \t./,()+?'-]*+\Z")
_LETTERS = rb"(?<![A-Za-z0-9_])[A-Za-z]{1,6}-?"
_UNNUMBERED = re.compile(rb"[^0-9\x00]*")
_NUMBERED = 8
"""No digit stands between word and value; a word that ends in digits (`ICD-10`) is as long."""


def beside(
    label: str,
    words: Words,
    value: bytes,
    accept: Accept = always,
    *,
    locale: str = "",
    lead: bytes = _LETTERS,
    tail: bytes = b"",
) -> Kind:
    """A `value` right after words that name it; it holds a digit.

    `lead`: what the value may have in front of its first digit; where that is more than a word,
    `tail` is the same at the end of a text. The words may also stand right before the digit.
    """
    named = re.compile(words.exact + rb"\Z")
    exact = re.compile(b"(?:" + value + b")" + RIGHT)
    before = re.compile(b"(?:" + lead + rb")\Z")

    def starts(data: bytes, at: int) -> list[int]:
        found = before.search(data, max(0, at - 20), at)
        return [found.start(), at] if found and found.start() < at else [at]

    def is_named(data: bytes, start: int, at: int) -> bool:
        first = max(0, at - WORDS_MAX)
        gap = _UNNUMBERED.match(data[first:start][::-1])
        begin = start - gap.end() - _NUMBERED  # type: ignore[union-attr]
        return named.search(data, max(first, begin), start) is not None

    def read(data: bytes, at: int) -> tuple[int, int] | None:
        for start in starts(data, at):
            found = exact.match(data, start)
            if found and accept(compact(found[0])) and is_named(data, start, at):
                return found.span()
        return None

    def unsettled(data: bytes, at: int) -> int | None:
        if len(data) - at > VALUE_MAX + 2:
            return None
        start = starts(data, at)[0]
        return start if _RUN.match(data, start) else None

    triggers = tuple(Trigger(one, 1) for one in words.triggers)
    return Kind(Rule(label, triggers, read, unsettled), locale, tail, named if tail else None)


def ending(
    label: str,
    trigger: bytes,
    head: bytes,
    reach: int,
    *,
    accept: Accept = always,
    unless: bytes = b"",
    rest: bytes = b"",
    rest_max: int = 2,
    locale: str = "",
    tail: bytes = b"",
) -> Kind:
    """`head`, at most `reach` characters, ends where the trigger ends; `rest` follows.

    `rest` and all that its boundaries look at are at most `rest_max` characters. `unless`: what
    must not stand right before it.
    """
    other = refused_behind(unless)
    begins = re.compile(b"(?:" + head + rb")\Z")
    follows = re.compile(rest)

    def read(data: bytes, end: int) -> tuple[int, int] | None:
        found = begins.search(data, max(0, end - reach), end)
        last = follows.match(data, end) if found else None
        if found is None or last is None or not accept(data[found.start() : last.end()]):
            return None
        if other(data, found.start()):
            return None
        return found.start(), last.end()

    def unsettled(data: bytes, end: int) -> int | None:
        if len(data) - end > rest_max:
            return None
        found = begins.search(data, max(0, end - reach), end)
        return found.start() if found else None

    return Kind(Rule(label, (Trigger(trigger, 0),), read, unsettled), locale, tail)
