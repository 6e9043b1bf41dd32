"""`when` of a rule, compiled once and asked on every request.

Promises: parts are ANDed, a missing part matches everything. Names compare exactly, case and all;
only `models` knows patterns (`*`, `?`, `[...]`), where `*` also crosses `/`. An empty list of
models matches nothing (defaults deny).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from extproc.config.model import When


def is_pattern(model: str) -> bool:
    """True when a model's name is a pattern rather than one name."""
    return any(sign in model for sign in "*?[")


def compile_models(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test for one model name: exact names by hash, all patterns as one expression."""
    listed = tuple(patterns)
    names = frozenset(listed)
    globs = [fnmatch.translate(pattern) for pattern in listed if is_pattern(pattern)]
    if not globs:
        return names.__contains__
    if "*" in names:
        return _anything
    expression = re.compile("|".join(globs)).match
    return lambda name: name in names or expression(name) is not None


def _anything(_name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled `when`; None for a part that matches everything."""

    subjects: frozenset[str] | None
    model: Callable[[str], bool] | None
    metadata: tuple[tuple[str, str], ...]

    def matches(
        self, subjects: frozenset[str], models: Collection[str], metadata: Mapping[str, str]
    ) -> bool:
        """`models`: every name the request goes by (asked for, resolved); one must match."""
        if self.subjects is not None and self.subjects.isdisjoint(subjects):
            return False
        for key, value in self.metadata:
            if metadata.get(key) != value:
                return False
        return self.model is None or any(map(self.model, models))


def compile_when(when: When) -> Matcher:
    """Compile once per configuration, not per request."""
    return Matcher(
        subjects=None if when.subjects is None else frozenset(when.subjects),
        model=None if when.models is None else compile_models(when.models),
        metadata=tuple((when.metadata or {}).items()),
    )
