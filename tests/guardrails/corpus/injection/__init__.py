"""Labelled texts for the prompt injection detector, and the disguises some of them wear.

The encoders are written here, apart from the detector's decoders. Even lines of a section are for
development, odd lines are held out: they are measured and never tuned on.
"""
# ruff: noqa: RUF001

from __future__ import annotations

import codecs
import re
from base64 import b32encode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """`name`: kind, language and number; `role`: `text`, `tool` or `tool_definition`."""

    name: str
    kind: str
    role: str
    held_out: bool
    text: str


def _swap(table: dict[str, str]) -> Callable[[str], str]:
    return lambda text: "".join(table.get(char, char) for char in text)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _moved(first: int, upper: int) -> dict[str, str]:
    table = {chr(97 + n): chr(first + n) for n in range(26)}
    return table | {chr(65 + n): chr(upper + n) for n in range(26)}


def _spaced(gap: str) -> Callable[[str], str]:
    wide = " " if gap == "-" else gap * 3
    return lambda text: wide.join(gap.join(word) for word in text.split(" "))


DISGUISES: dict[str, Callable[[str], str]] = {
    "": str,
    "base64": _base64,
    "base64twice": lambda text: _base64(_base64(text)),
    "base32": lambda text: b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hexspaced": lambda text: text.encode().hex(" "),
    "url": lambda text: quote(text, safe=""),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "unicode_escape": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "spaced": _spaced(" "),
    "dashed": _spaced("-"),
    "zero_width": lambda text: "\u200b".join(text),
    "cyrillic": _swap({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", "s": "ѕ"}),
    "fullwidth": _swap(_moved(0xFF41, 0xFF21)),
    "mathematical": _swap(_moved(0x1D41A, 0x1D400)),
    "leet": _swap({"i": "1", "o": "0", "e": "3", "a": "4", "s": "5", "t": "7", "I": "1"}),
    "tags": lambda text: "".join(chr(0xE0000 + ord(char)) for char in text),
    "accents": _swap({"i": "ï", "o": "ö", "e": "è", "a": "å", "u": "ü", "n": "ñ"}),
    "mixed_case": lambda text: "".join(
        char.upper() if at % 2 else char.lower() for at, char in enumerate(text)
    ),
}

_ESCAPE = re.compile(r"\\n|\\u([0-9a-f]{4})|\\\\")


def _unescaped(line: str) -> str:
    def read(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return "\n" if found[0] == "\\n" else "\\"

    return _ESCAPE.sub(read, line)


def _dressed(line: str, disguise: str) -> str:
    if "⟦" not in line:
        return DISGUISES[disguise](line)
    return re.sub("⟦(.*?)⟧", lambda found: DISGUISES[disguise](found[1]), line)


def read(name: str) -> Iterator[Sample]:
    """The samples of `attacks` or `benign`."""
    section: dict[str, str] = {}
    number: dict[str, int] = {}
    for line in (HERE / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("@ "):
            section = dict(part.split("=", 1) for part in line[2:].split())
            continue
        if not line or line.startswith("# "):
            continue
        kind, lang = section["kind"], section["lang"]
        at = number[kind] = number.get(kind, -1) + 1
        disguise = section.get("as", "")
        label = f"{kind}-{lang}-{at}" + (f"-{disguise}" if disguise else "")
        text = _dressed(_unescaped(line), disguise)
        yield Sample(label, kind, section.get("role", "text"), bool(at % 2), text)
