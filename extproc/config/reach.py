"""Whether a rule can ever be reached where the first that matches counts.

Promises: what is named here as covered really never runs: every call that matches the one `when`
matches the other. Rules may be covered in ways that are not seen (by two rules together, say). The
work per rule is bounded, so that ten thousand rules are judged in about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from extproc.config.base import When
from extproc.config.limit_model import LimitWhen
from extproc.config.match import compile_models, is_pattern

LOOKED_AT_MAX = 200
FILED_MAX = 64
Key = tuple[str | None, str | None, tuple[str, str] | None]
_PATTERNS = "*"


@dataclass(frozen=True, slots=True)
class _Known:
    """A rule that was seen. `model`: its models as a test, None for all of them."""

    rule_id: str
    when: When
    model: Callable[[str], bool] | None

    def covers(self, narrow: When) -> bool:
        """Every call that `narrow` matches is matched by this one."""
        wide = self.when
        return (
            _subjects_cover(wide.subjects, narrow.subjects)
            and (wide.metadata or {}).items() <= (narrow.metadata or {}).items()
            and _operations_cover(_operations(wide), _operations(narrow))
            and self._models_cover(narrow.models)
        )

    def _models_cover(self, narrow: Sequence[str] | None) -> bool:
        # A pattern that matches another letter by letter, its `*` too, matches all that it does.
        return self.model is None or (narrow is not None and all(map(self.model, narrow)))


class Earlier:
    """Rules that came so far, filed by what whatever they cover must also name."""

    def __init__(self) -> None:
        self._filed: dict[Key, list[_Known]] = {}

    def covering(self, when: When) -> str | None:
        """The id of a rule that covers `when`; None: none was found."""
        return next((known.rule_id for known in self.near(when) if known.covers(when)), None)

    def near(self, when: When) -> Iterator[_Known]:
        """Those that may cover `when`, up to LOOKED_AT_MAX."""
        near = (known for key in _found_under(when) for known in self._filed.get(key, ()))
        return islice(near, LOOKED_AT_MAX)

    def add(self, rule_id: str, when: When) -> None:
        """To be asked about later rules."""
        known = _Known(rule_id, when, compile_models(when.models) if when.models else None)
        for key in islice(_filed_under(when), FILED_MAX):
            self._filed.setdefault(key, []).append(known)


def _subjects_cover(wide: Sequence[str] | None, narrow: Sequence[str] | None) -> bool:
    if wide is None or "*" in wide:
        return True
    if narrow is None:
        return False
    everyone = "team:everyone" in wide
    return all(one in wide or (everyone and one.startswith("user:")) for one in narrow)


def _operations_cover(wide: Sequence[str] | None, narrow: Sequence[str] | None) -> bool:
    return wide is None or (narrow is not None and set(narrow) <= set(wide))


def _operations(when: When) -> Sequence[str] | None:
    return when.operations if isinstance(when, LimitWhen) else None


def _filed_under(when: When) -> Iterable[Key]:
    models = when.models or (None,)
    shelves = dict.fromkeys(m if m is None or not is_pattern(m) else _PATTERNS for m in models)
    pair = next(iter((when.metadata or {}).items()), None)
    return product(when.subjects or (None,), shelves, (pair,))


def _found_under(when: When) -> Iterator[Key]:
    """One subject and one model are enough: a rule that covers this one covers them too."""
    subjects: list[str | None] = [None, "*"]
    for subject in (when.subjects or ())[:1]:
        subjects += [subject, *(["team:everyone"] if subject.startswith("user:") else [])]
    models = [None, _PATTERNS, *(when.models or ())[:1]]
    yield from product(dict.fromkeys(subjects), models, (None, *(when.metadata or {}).items()))
