"""`docs/configuration.md` against the models: every field with its default, and YAML that loads."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from extproc.config import model as m
from extproc.config.advice import advice
from extproc.config.guardrail_model import GuardrailWhen
from extproc.config.guardrail_settings import GUARDRAIL_SETTINGS
from extproc.config.kinds import KINDS
from extproc.config.limit_model import (
    Alerts,
    BudgetAmount,
    LimitWhen,
    TenantLimits,
    TenantRateLimits,
    TenantWhen,
)
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.routing_model import RoutingPlan
from extproc.config.sources import Source
from tests.docs.pages import ROOT, blocks, page, pages

PAGE = page("docs/configuration.md")
OTHERS = [
    str(path.relative_to(ROOT))
    for path in pages()
    if path.name != "configuration.md" and blocks(path.read_text("utf-8"), "yaml")
]
_ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
PARTS: dict[type[m.Document], str] = {
    LimitWhen: "## `when`",
    BudgetAmount: "## `budget`",
    Alerts: "### `alerts`",
    TenantWhen: "### `when` of a tenant's limit",
    TenantLimits: "### `limits` of a tenant's budget",
    TenantRateLimits: "### `limits` of a tenant's rate limit",
    GuardrailWhen: "### `when` of a guardrail rule",
    RoutingPlan: "### How targets are chosen",
    m.SecretRef: "## Secrets",
}
"""What stands in several places has one section of its own, and one line in those places."""


def _sections() -> Iterator[tuple[str, type[m.Document]]]:
    """Documents of one shape share a section, that of the first."""
    shapes: dict[type[m.Document], str] = {}
    for kind, model in KINDS.items():
        shapes.setdefault(model, f"## `{kind}`")
    yield from ((heading, model) for model, heading in shapes.items())
    yield from ((heading, model) for model, heading in PARTS.items())
    for kind, model in GUARDRAIL_SETTINGS.items():
        yield f"### Settings of type `{kind}`", model


SECTIONS = dict(_sections())


def part_of(annotation: Any) -> tuple[type[m.Document] | None, str]:
    """The document inside a field's type; `[]` where there are many of it, `.<key>` by key."""
    if isinstance(annotation, type) and issubclass(annotation, m.Document):
        return annotation, ""
    for inner in typing.get_args(annotation):
        found, _ = part_of(inner)
        if found is not None:
            return found, MANY.get(typing.get_origin(annotation), "")
    return None, ""


MANY: dict[Any, str] = {tuple: "[]", Mapping: ".<key>"}


def fields(model: type[m.Document], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field with its path; what has a section of its own is one; `type` is the heading."""
    for key, field in own_fields(model):
        name = field.alias or key
        inner, many = part_of(field.annotation)
        if inner is None or inner in PARTS or inner is m.When:
            if prefix or name != "type":
                yield prefix + name, field
        else:
            yield from fields(inner, f"{prefix}{name}{many}.")


def own_fields(model: type[m.Document]) -> list[tuple[str, FieldInfo]]:
    """Without those that a section of `PARTS` has, where the model adds to one."""
    listed = model.__annotations__ if set(model.__bases__) & PARTS.keys() else model.model_fields
    return [(name, model.model_fields[name]) for name in listed]


def shown(field: FieldInfo) -> str:
    """A default as the page writes it."""
    if field.is_required():
        return "required"
    match field.get_default(call_default_factory=True):
        case None:
            return "-"
        case bool(value):
            return f"`{str(value).lower()}`"
        case float(value):
            return f"`{value:g}`"
        case tuple(values):
            return f"`[{', '.join(map(str, values))}]`"
        case value:
            return f"`{value}`"


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    _, found, rest = PAGE.partition(f"\n{heading}\n")
    assert found, heading
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_field_is_listed_with_its_default(heading: str) -> None:
    """Contract 2, docs: no field without a line, no line without a field."""
    rows = [(name, default.strip()) for name, default in _ROW.findall(section(heading))]
    assert rows == [(name, shown(field)) for name, field in fields(SECTIONS[heading])]


def test_the_pages_yaml_is_one_good_configuration() -> None:
    """Contract 2, docs: what a reader copies loads, and needs no advice."""
    found = loaded([b.text for b in blocks(PAGE, "yaml")])
    assert isinstance(found, Config), "\n".join(map(str, found))
    assert advice(found) == []


@pytest.mark.parametrize("name", OTHERS)
def test_other_pages_yaml_loads_too(name: str) -> None:
    """Contract 2, docs: rules of other pages load beside the accounts of the first; a page's own
    `gateway-config` stands instead of the first's."""
    accounts = {"gateway-config", "provider-account", "team", "user", "virtual-account"}
    own = {d["type"] for b in blocks(page(name), "yaml") for d in yaml.safe_load_all(b.text)}
    accounts -= own & {"gateway-config"}
    documents = [d for b in blocks(PAGE, "yaml") for d in yaml.safe_load_all(b.text)]
    kept = yaml.safe_dump_all([d for d in documents if d["type"] in accounts])
    found = loaded([kept, *(b.text for b in blocks(page(name), "yaml"))])
    assert isinstance(found, Config), "\n".join(map(str, found))
    assert advice(found) == []


def loaded(texts: list[str]) -> Any:
    return load([Source(f"block-{n}.yaml", text, str(Path("/"))) for n, text in enumerate(texts)])
