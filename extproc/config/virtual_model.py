"""Virtual models: names of this gateway's own, each with a routing rule behind it.

Promises: a virtual model is a rule, so that whatever reads rules (limits, advice, routing) reads
it too. Its names are `<document>/<integration>` and the `slug`. A key's `models` must cover the
name that is called, as for any model; `collaborators` narrow that further and grant nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from extproc.config.base import Document, When
from extproc.config.fields import Name, PlainName, Subjects
from extproc.config.routing_model import RoutingPlan, RoutingRule
from extproc.llm.call import Operation

EVERYBODY = frozenset({"*", "team:everyone"})
ModelType = Literal[
    "chat", "completion", "embedding", "rerank", "moderation", "audio_transcription",
    "audio_translation", "text_to_speech", "image",
]  # fmt: skip
SERVES: Mapping[str, tuple[Operation, ...]] = {
    "chat": ("chat", "count_tokens"),
    "completion": ("chat",),
    "embedding": ("embeddings",),
    "rerank": ("rerank",),
    "moderation": ("moderations",),
    "audio_transcription": ("transcription",),
    "audio_translation": ("transcription",),
    "text_to_speech": ("speech",),
    "image": ("images",),
}
"""Model type -> the operations of this gateway that it stands for."""


class VirtualRule(RoutingRule):
    """The rule that a virtual model is. Made here alone, never read from a document."""

    serves: frozenset[str]

    @property
    def operations(self) -> frozenset[str] | None:
        return self.serves


class Integration(Document):
    """One virtual model. `slug`: another name for it."""

    name: PlainName
    type: Literal["integration/model/virtual"]
    model_types: tuple[ModelType, ...] = Field(default=("chat",), min_length=1)
    slug: Name | None = None
    routing_config: RoutingPlan


def _alone(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Collaborator(Document):
    """`subject`: one, as in `when.subjects`. Both roles may call."""

    subject: Annotated[Subjects, BeforeValidator(_alone)]
    role_id: Literal["provider-account-access", "provider-account-manager"]


class VirtualModelConfig(Document):
    """Without `collaborators`, or with `team:everyone` among them, keys alone decide."""

    type: Literal["provider-account/virtual-model"]
    name: PlainName
    collaborators: tuple[Collaborator, ...] = ()
    integrations: tuple[Integration, ...] = Field(min_length=1)

    @property
    def rules(self) -> tuple[RoutingRule, ...]:
        """What it says, as rules. The id is the name `<document>/<integration>`."""
        return tuple(self._rules())

    def _rules(self) -> Iterator[RoutingRule]:
        subjects = tuple(dict.fromkeys(s for one in self.collaborators for s in one.subject))
        only = None if not subjects or EVERYBODY & set(subjects) else subjects
        for one in self.integrations:
            name = f"{self.name}/{one.name}"
            names = (name, one.slug) if one.slug and one.slug != name else (name,)
            plan = {field: getattr(one.routing_config, field) for field in RoutingPlan.model_fields}
            serves = frozenset(op for kind in one.model_types for op in SERVES[kind])
            when = When(subjects=only, models=names)
            yield VirtualRule(id=name, when=when, serves=serves, **plan)
