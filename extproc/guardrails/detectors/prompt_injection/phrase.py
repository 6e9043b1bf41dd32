"""The small language in which the signals are written, and what it compiles to.

In a phrase a space stands for what separates words, and `<n>` for up to n characters of the same
sentence. A phrase has a `head`, the words by which it is noticed while text still arrives, and a
`rest`. Promises: no phrase reaches further than PHRASE_MAX bytes of folded text, no head further
than HEAD_MAX (a test measures them); the phrase found at a place depends on nothing in front of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extproc.guardrails.detectors.normalise import GONE, fold
from extproc.guardrails.detectors.prompt_injection.gate import Words, needed

OVERRIDE = "INSTRUCTION_OVERRIDE"
EXTRACTION = "SYSTEM_PROMPT_EXTRACTION"
ROLE = "ROLE_HIJACK"
DIALOGUE = "FAKE_DIALOGUE"
TOOL = "TOOL_HIJACK"
EXFILTRATION = "EXFILTRATION"
OBFUSCATION = "OBFUSCATION"
LABELS = (OVERRIDE, EXTRACTION, ROLE, DIALOGUE, TOOL, EXFILTRATION, OBFUSCATION)

PHRASE_MAX = 224
HEAD_MAX = 64

_SEPARATOR = r"[^a-z0-9\x80-\xff\x00]{1,6}"
HEAD_SEPARATOR = r"[^a-z0-9\x80-\xff\x00]{1,3}"
_GAP = re.compile(r"<(\d+)>")
_APART_FROM, _APART = 8, 3
_SCAN_LEFT = rb"(?:\b|\\[nrt])"
_READ_LEFT = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A signal. `words`: it begins and ends at the edge of a word. `cased`: capitals matter.

    `negatable`: "never ..." in front of it turns it round. `spared`: what follows it in harmless
    text, which takes most of its weight. `raw`: markup, in which a space is a space. Of a `family`
    only the heaviest signal counts: they say the same in other words.
    """

    label: str
    weight: int
    head: str
    rest: str = ""
    words: bool = True
    cased: bool = False
    negatable: bool = True
    spared: str = ""
    raw: bool = False
    family: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled phrase: what hyperscan looks for, and what is read at a head.

    Hyperscan is fastest when few words could begin a match, so long heads are taken apart.
    `words`: one of them is in every match.
    """

    phrase: Phrase
    expressions: tuple[bytes, ...]
    head_expression: bytes
    heads: re.Pattern[bytes]
    exact: re.Pattern[bytes]
    spared: re.Pattern[bytes] | None
    words: Words


def folded(pattern: str) -> str:
    return "".join(char if char.isascii() else fold(char) for char in pattern).replace(GONE, "")


def expand(pattern: str, words: bool, raw: bool = False, separator: str = _SEPARATOR) -> bytes:
    """Pattern text -> regular expression over folded bytes."""
    if raw:
        return pattern.encode()
    edge = r"\b" if words else ""
    said = folded(pattern).replace(" ", separator)
    said = _GAP.sub(lambda found: rf"[^\x00.!?]{{0,{found[1]}}}?" + edge, said)
    return said.encode()


def alternatives(pattern: str) -> list[str]:
    """`a|b(?:c|d)` -> `a`, `b(?:c|d)`."""
    parts, depth, escaped = [""], 0, False
    for char in pattern:
        depth += (char in "([") - (char in ")]") if not escaped else 0
        if char == "|" and not depth and not escaped:
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def _head(phrase: Phrase, part: str) -> bytes:
    return expand(part, phrase.words, phrase.raw, HEAD_SEPARATOR)


def compile_phrase(phrase: Phrase) -> Rule:
    head = b"(?:" + _head(phrase, phrase.head) + b")"
    rest = b"(?:" + expand(phrase.rest, phrase.words, phrase.raw) + b")"
    edge = rb"\b" if phrase.words else b""
    scan, read = (_SCAN_LEFT, _READ_LEFT) if phrase.words else (b"", b"")
    flags = 0 if phrase.cased else re.IGNORECASE
    parts = alternatives(phrase.head)
    size = _APART if len(parts) >= _APART_FROM else len(parts)
    apart = ["|".join(parts[at : at + size]) for at in range(0, len(parts), size)]
    heads = (b"(?:" + _head(phrase, part) + b")" for part in apart)
    return Rule(
        phrase,
        tuple(scan + part + rest + edge for part in heads),
        scan + head,
        re.compile(read + head, flags),
        re.compile(head + rest + edge, flags),
        re.compile(expand(phrase.spared, True), re.IGNORECASE) if phrase.spared else None,
        needed(folded(f"(?:{phrase.head})(?:{phrase.rest})")),
    )


def compile_phrases(phrases: Sequence[Phrase]) -> list[Rule]:
    return [compile_phrase(phrase) for phrase in phrases]
