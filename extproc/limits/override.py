"""Another limit for named values of what a rule applies per.

Promises: finding it costs the same for one override and for ten thousand; of two that name the
same counter the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from extproc.config.overrides import COUNTED_BY, OverrideNames

Values = tuple[str | None, ...]
FIELD_OF = {dimension: field for field, dimension in COUNTED_BY.items()}
ANY_METADATA = COUNTED_BY["metadata_values"]


@dataclass(frozen=True, slots=True)
class Overrides:
    """`limits`: (place in the list, limit) by values, None for one that may be anything.

    `shapes`: which of the values are named, for each combination that occurs.
    """

    limits: Mapping[Values, tuple[int, int]]
    shapes: frozenset[tuple[bool, ...]]

    def limit(self, values: Sequence[str], otherwise: int) -> int:
        """The limit of the counter with these values."""
        found = []
        for shape in self.shapes:
            key = tuple(v if named else None for v, named in zip(values, shape, strict=True))
            if key in self.limits:
                found.append(self.limits[key])
        return min(found)[1] if found else otherwise


def compile_overrides(
    per: Sequence[str], overrides: Iterable[tuple[OverrideNames, int]]
) -> Overrides | None:
    """`per`: the rule's dimensions, e.g. `user`, `metadata.run_id`. None when there is nothing."""
    fields = [FIELD_OF.get(one, FIELD_OF[ANY_METADATA]) for one in per]
    limits: dict[Values, tuple[int, int]] = {}
    for place, (override, limit) in enumerate(overrides):
        named = override.named()
        if named and named.keys() <= set(fields):  # else it could never be met
            for values in product(*(named.get(field, (None,)) for field in fields)):
                limits.setdefault(values, (place, limit))
    shapes = frozenset(tuple(v is not None for v in values) for values in limits)
    return Overrides(limits, shapes) if limits else None
