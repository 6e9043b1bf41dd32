"""Prompts kept at the gateway, by name and version: applications name one, and say its variables.

A version is never changed in place by anybody but the one who writes this file; an alias may move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import Fault, Name, complain

_ALIAS = re.compile(r"v[A-Za-z0-9._-]+")
VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_PARAMETERS_NEVER = frozenset({"model", "messages", "stream", "n", "tools", "prompt_variables"})


class PromptMessage(Document):
    """One message. `{{name}}` stands for a variable."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class ModelConfiguration(Document):
    """`model`: asked for where the caller names none. `parameters`: the caller's own win."""

    model: str | None = None
    parameters: Mapping[str, Any] = Field(default_factory=dict)


class Prompt(Document):
    """One version of a prompt, called `<name>:<version>` or `<name>:<version_alias>`.

    `variables`: the values of those that a caller leaves out.
    """

    type: Literal["chat_prompt"]
    name: Name
    version: int = Field(default=1, ge=1)
    version_alias: str | None = None
    description: str | None = None
    messages: tuple[PromptMessage, ...] = Field(min_length=1)
    variables: Mapping[str, str] = Field(default_factory=dict)
    model_configuration: ModelConfiguration = ModelConfiguration()
    response_format: Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.version_alias is not None and not _ALIAS.fullmatch(self.version_alias):
            yield "begins with `v` and holds letters, digits and . _ -", "version_alias"
        for name in self.variables:
            if name not in self.names:
                yield f"names `{name}`, which stands in no message", "variables"
        for name in self.model_configuration.parameters:
            if name in _PARAMETERS_NEVER:
                yield f"may not set `{name}`", "model_configuration.parameters"

    @property
    def names(self) -> frozenset[str]:
        """Every variable that stands in a message."""
        return frozenset(name for m in self.messages for name in VARIABLE.findall(m.content))

    @property
    def calls(self) -> tuple[str, ...]:
        """What it may be called by."""
        versions = [str(self.version), self.version_alias]
        return tuple(f"{self.name}:{version}" for version in versions if version is not None)
