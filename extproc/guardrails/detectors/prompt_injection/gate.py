"""Words without which a phrase cannot be said: the cheap question before the dear one.

Promises: every text that a pattern matches has one of the words of `needed` in it; they are worked
out from the pattern itself, so none can be forgotten. Of what a pattern needs, the words that are
rarest in ordinary text are taken, which here means the longest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

RARE = 3
"""A pattern whose words are not as rare as this (`_rarity`) is looked for everywhere."""

_TOKEN = re.compile(
    r"\((?:\?[:=!]|\?<[=!])?|\)|\||\[(?:\\.|[^\]\\])+\]|<\d+>|\\x[0-9a-f]{2}|\\.|\{\d*,?\d*\}|.",
    re.DOTALL,
)
_MARKS = frozenset("@<>[]|#")
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_COMMON = frozenset((
    "able", "about", "access", "again", "all", "alone", "always", "and", "answer", "answers",
    "any", "apply", "are", "article", "asked", "asking", "attention", "back", "been", "before",
    "begin", "being", "block", "both", "call", "care", "chains", "character", "check", "color",
    "combine", "come", "copied", "could", "dan", "dark", "data", "dear", "decline", "did",
    "display", "does", "done", "dude", "each", "ever", "every", "exactly", "find", "first",
    "follow", "following", "font", "for", "free", "from", "full", "get", "give", "given",
    "goal", "had", "handle", "has", "have", "header", "hello", "here", "him", "hint", "history",
    "human", "important", "include", "inform", "initial", "into", "its", "join", "just", "know",
    "last", "law", "learned", "leaving", "letter", "like", "line", "long", "longer", "made",
    "make", "many", "mark", "mission", "modes", "more", "most", "much", "must", "name", "need",
    "never", "new", "next", "not", "note", "notice", "number", "official", "one", "ones",
    "only", "open", "order", "original", "other", "our", "out", "over", "own", "person",
    "place", "post", "previous", "print", "process", "provided", "purposes", "question", "rate",
    "read", "real", "replace", "replies", "reply", "request", "requests", "research", "respect",
    "respond", "result", "return", "run", "said", "same", "say", "second", "see", "send",
    "shall", "share", "should", "show", "some", "stan", "start", "stop", "such", "take", "task",
    "tell", "text", "than", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "throw", "time", "together", "told", "transfer", "true", "turn",
    "two", "updated", "use", "user", "very", "want", "was", "way", "were", "what", "when",
    "where", "which", "who", "will", "with", "without", "word", "words", "work", "world",
    "would", "write", "yes", "you", "your",
))  # fmt: skip
"""Words that are everywhere. Alone they tell nothing, two of them together a little."""

Words = frozenset[str]
_NONE: Words = frozenset()


def needed(pattern: str) -> Words:
    """Lower-case words, one of which is in whatever the pattern matches; empty: there are none."""
    return _any_of(iter([*_TOKEN.findall(pattern), ")"]))


def expression(words: str) -> bytes:
    """What words look like in a folded text; between them anything may stand that is no word."""
    gap = rb"[^a-z0-9\x80-\xff\x00]{1,6}"
    return gap.join(re.escape(word).encode() for word in words.split(" "))


def is_rare(words: Words) -> bool:
    """Ordinary text seldom has one of them."""
    return _rarity(words)[0] >= RARE


def _rarity(words: Words) -> tuple[int, int]:
    """The least rare of them counts; of equal ones few are better than many."""
    return (min(map(_letters, words), default=0), -len(words))


def _letters(words: str) -> int:
    """How many letters stand in the longest word that is not common; RARE for two common ones."""
    parts = words.split(" ")
    rare = max(map(_length, parts), default=0)
    return min(6, rare) if rare else RARE if len(parts) > 1 and len(words) > 7 else 1


def _length(word: str) -> int:
    if word in _COMMON or "'" in word or (len(word.encode()) < 3 and word != "@"):
        return 0
    marked = word == "@" or (len(word) > 1 and _MARKS & set(word))
    return RARE + 1 if marked else len(word.encode())


def _literal(sign: str) -> str | None:
    """The character that the sign stands for, when it is just one."""
    if len(sign) == 1:
        return None if sign in ".^$+?*|()" else sign.lower()
    return sign[1] if len(sign) == 2 and sign[0] == "\\" and not sign[1].isalnum() else None


def _any_of(signs: Iterator[str]) -> Words:
    """Reads to the closing parenthesis. Alternatives need their words together, or none do."""
    every: set[str] = set()
    best, held, run, sure = _NONE, _NONE, "", True
    for sign in signs:
        if (char := _literal(sign)) is not None:
            best, held, run = max(best, held, key=_rarity), _NONE, run + char
            continue
        optional = sign in ("?", "*") or sign.startswith("{0")
        word = run[:-1] if optional else run
        held = _NONE if optional else held
        best, held, run = max(best, held, frozenset({word.strip()} - {""}), key=_rarity), _NONE, ""
        if sign.startswith("("):
            inner = _any_of(signs)
            held = _NONE if sign in _LOOKS else inner
        elif sign in ("|", ")"):
            every |= best
            sure &= bool(best)
            best = _NONE
            if sign == ")":
                return frozenset(every) if sure else _NONE
    raise ValueError("a parenthesis is never closed")
