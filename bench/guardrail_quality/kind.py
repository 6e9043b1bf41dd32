"""A kind of value that the corpus holds: how one is made, and what people call it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Make = Callable[[Random], str]
_MARK = "\x1f"


def only(before: str, value: str, after: str = "") -> str:
    """A made text of which `value` alone is to be found."""
    return _MARK.join((before, value, after))


def parts(made: str) -> tuple[str, str, str]:
    """What a maker made, as text before, value, text behind."""
    if _MARK not in made:
        return "", made, ""
    before, value, after = made.split(_MARK)
    return before, value, after


@dataclass(frozen=True, slots=True)
class Kind:
    """`cues`: names that people write before it. `alone`: it is known without one, too.

    `language`: of the texts it stands in. `accepted`: labels that are right besides `label`.
    """

    label: str
    make: Make
    cues: tuple[str, ...]
    language: str = "en"
    alone: bool = False
    accepted: frozenset[str] = frozenset()

    def key(self, rng: Random) -> str:
        """The name as a field of a record: snake case, camel case or as it is."""
        cue = rng.choice(self.cues)
        plain = unicodedata.normalize("NFKD", cue).encode("ascii", "ignore").decode()
        words = re.findall(r"[A-Za-z0-9]+", plain)
        if len(plain) < len(cue) / 2 or not words:
            return cue
        snake = "_".join(word.lower() for word in words)
        camel = words[0].lower() + "".join(word.capitalize() for word in words[1:])
        return rng.choice((snake, snake, camel))


def kind(
    label: str, make: Make, cues: str, language: str = "en", alone: bool = False, also: str = ""
) -> Kind:
    """`cues`: separated by `|`; `also`: further right labels, with spaces between."""
    names = tuple(cue.strip() for cue in cues.split("|"))
    return Kind(label, make, names, language, alone, frozenset((label, *also.split())))
