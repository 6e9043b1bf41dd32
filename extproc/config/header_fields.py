"""Headers that a routing rule may put on a provider's request, or take off it.

Refuses, by name, what `upstream_headers.py` says that no configuration may touch: credentials, what
frames a message or belongs to one connection, what is the gateway's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import Fault, complain, complaint
from extproc.config.upstream_headers import never_set
from extproc.identity.reserved import never_sent

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def header_fault(name: str) -> str:
    """Why a rule may not touch this header; '' when it may."""
    lower = name.lower()
    if not _TOKEN.fullmatch(name):
        return f"'{name[:64]}' is no name of a header"
    if never_set(lower) or never_sent(lower):
        return f"'{lower}' is a credential, the connection's own, or the gateway's"
    return ""


def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _plain(values: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in values.items():
        if not _VALUE.fullmatch(value):
            raise complaint(f"'{name[:64]}' may hold printable ASCII and tabs alone")
    return {name.lower(): value for name, value in values.items()}


HeaderValue = Annotated[str, Field(max_length=4096)]


class HeadersOverride(Document):
    """`set`: instead of the caller's; `remove`: names. Lower case, whatever was written."""

    set: Annotated[Mapping[str, HeaderValue], AfterValidator(_plain)] = Field(default_factory=dict)
    remove: Annotated[tuple[str, ...], AfterValidator(_lower)] = ()

    @model_validator(mode="after")
    def _allowed(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        for name in self.set:
            if fault := header_fault(name):
                yield f"names what a rule may not set: {fault}", "set"
        for index, name in enumerate(self.remove):
            if fault := header_fault(name):
                yield f"names what a rule may not remove: {fault}", f"remove.{index}"
            elif name in self.set:
                yield f"'{name}' is set as well; choose one", f"remove.{index}"
