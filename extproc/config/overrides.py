"""Other limits for named values of what a budget counts by.

Promises: an override that could never be looked up is a mistake that says why; no value has two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from extproc.config.base import Document
from extproc.config.fields import Fault, MetadataValue, ModelId
from extproc.config.limit_fields import ExactNames
from extproc.config.mistake import one_of

# Field of an override -> what the budget must count by.
COUNTED_BY: Mapping[str, str] = {
    "users": "user",
    "teams": "team",
    "virtual_accounts": "virtualaccount",
    "models": "model",
    "metadata_values": "metadata.<key>",
}


class OverrideNames(Document):
    """Whose limit is another one. Fields are ANDed, the values of one field are not.

    `users`: e-mail, or name where there is none. `metadata_values`: of the one metadata key that
    the budget counts by.
    """

    users: ExactNames = ()
    teams: ExactNames = ()
    virtual_accounts: ExactNames = ()
    models: tuple[ModelId, ...] = ()
    metadata_values: tuple[MetadataValue, ...] = ()

    def named(self) -> dict[str, tuple[str, ...]]:
        """The fields that name something."""
        return {field: values for field in COUNTED_BY if (values := getattr(self, field))}


def override_faults(
    overrides: Sequence[OverrideNames], per: Sequence[str], said_in: str, at: str
) -> Iterator[Fault]:
    """`per`: what is counted by. `said_in`: the field that says so. `at`: path of the list."""
    counted = ["metadata.<key>" if one.startswith("metadata.") else one for one in per]
    taken: set[tuple[str, str]] = set()
    for index, override in enumerate(overrides):
        named = override.named()
        if not named:
            yield f"names nobody: it needs {one_of(COUNTED_BY)}", f"{at}.{index}"
        for field in named:
            if fault := _not_counted(COUNTED_BY[field], counted, said_in):
                yield fault, f"{at}.{index}.{field}"
        if len(named) == 1:
            yield from _twice(*next(iter(named.items())), taken, f"{at}.{index}")


def _not_counted(dimension: str, counted: Sequence[str], said_in: str) -> str:
    match counted.count(dimension):
        case 0:
            return f"can never be met: nothing is counted by `{dimension}` (`{said_in}`)"
        case 1:
            return ""
        case _:
            return f"could mean either of two metadata keys (`{said_in}`)"


def _twice(
    field: str, values: Sequence[str], taken: set[tuple[str, str]], at: str
) -> Iterator[Fault]:
    for value in values:
        if (field, value) in taken:
            yield f"names '{value}' again: which limit would be its own?", f"{at}.{field}"
        taken.add((field, value))
