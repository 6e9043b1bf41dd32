"""Phrases of the moderation lexicon as expressions of `regex_syntax`.

`(a|b)` is one of them, `[a|b]` one of them or nothing, `@` up to four letters more, `{name}` a list
of words, `x?` an optional letter; a space is one to four characters that are no letters or digits.
Letters may be written as the digits and signs that look like them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_GAP = r"[\W_]{1,4}"
_LOOKS = {"a": "a4@", "e": "e3", "i": "i1!", "o": "o0", "s": "s5$", "t": "t7"}
_TOKEN = re.compile(r"\{(\w+)\}|([()|])|\[([^\]]*)\]|(@)|(\?)|( )|(\w)")


def phrase_expression(phrase: str, words: Mapping[str, str]) -> str:
    """One expression for a phrase, standing alone as whole words."""
    return rf"\b(?:{_written(phrase, words)})\b"


def _written(phrase: str, words: Mapping[str, str]) -> str:
    """Optional parts take the space that follows (or, at the end, that comes before) with them."""
    parts: list[str] = []
    at = 0
    while at < len(phrase):
        found = _TOKEN.match(phrase, at)
        if found is None:
            raise ValueError(f"cannot read a phrase at character {at}")
        at = found.end()
        if found[3] is None:
            parts.append(_token(found, words))
        elif phrase[at : at + 1] == " ":
            parts.append(f"(?:(?:{_written(found[3], words)}){_GAP})?")
            at += 1
        else:
            lead = parts.pop() if parts and parts[-1] == _GAP else ""
            parts.append(f"(?:{lead}(?:{_written(found[3], words)}))?")
    return "".join(parts)


def _token(found: re.Match[str], words: Mapping[str, str]) -> str:
    name, group, _, ending, maybe, space, letter = found.groups()
    if name:
        return f"(?:{_written(words[name], words)})"
    if group:
        return "(?:" if group == "(" else group
    if ending:
        return r"\w{0,4}"
    if maybe:
        return "?"
    return _GAP if space else _letter(letter)


def _letter(letter: str) -> str:
    looks = _LOOKS.get(letter)
    return f"[{looks}]" if looks else letter
