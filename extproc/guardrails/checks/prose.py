"""What of a text is written in a human language: code, addresses and numbers are taken out.

Promises: linear in the text. Source code reads as English to every language detector; a German
answer with a program in it is German.
"""

from __future__ import annotations

import re

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`[^`\n]{1,200}`")
_CODE_WORD = re.compile(
    r"""(?<!\S)(?:
        [!-~]*(?:[0-9_{}\[\]<>=;$|\\@]|[a-z][A-Z]|[A-Za-z)][.:/(][A-Za-z])[!-~]*
      | "[!-~]*":
      | [!-@\[-`{-~]*[A-Z]{2}[!-`{-~]*
      | [!-@\[-`{-~]+
    )(?!\S)""",
    re.VERBOSE,
)
"""An ASCII word as no prose has it: with digits or brackets, camelCase, a.path, CAPITALS."""
_WORD_MAX = 200
_LONG = re.compile(rf"\S{{{_WORD_MAX},}}")
_WIDE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SUSPICIOUS = re.compile(
    r"[0-9_{}\[\]<>=;$|\\@(]|[A-Z]{2}|[a-z][A-Z]|[A-Za-z][.:/][A-Za-z]|(?<!\S)[!-/:-@]"
)
"""Without any of these a line has no code word."""
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
"""Controls, lone surrogates and noncharacters: nothing a language detector may be given."""


def prose(text: str) -> str:
    """The text's sentences, safe to be encoded; '' where there are none."""
    text = (_CONTROLS if text.isascii() else _UNSAFE).sub(" ", text)
    if text.isupper():  # shouting is no program
        text = text.lower()
    text = _INLINE.sub(" ", _FENCED.sub("\n", text))
    return "\n".join(filter(None, map(_line, text.split("\n"))))


def letters(text: str) -> int:
    """How much there is to judge by; a character of a script without spaces counts as three."""
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    return len(text) - sum(map(text.count, " \n\t")) + 2 * wide


def _line(line: str) -> str:
    """A line without its code words; '' where they are more than half of it."""
    if _SUSPICIOUS.search(line) is None and not _LONG.search(line):
        return line
    line = _ascii_long(line)
    kept = _CODE_WORD.sub("", line)
    if kept == line:
        return line
    return kept if 2 * len(kept.split()) > len(line.split()) else ""


def _ascii_long(line: str) -> str:
    """Long runs without a space are code, unless their script has no spaces."""
    if len(line) < _WORD_MAX:
        return line
    return _LONG.sub(lambda found: " 0 " if found[0].isascii() else found[0], line)
