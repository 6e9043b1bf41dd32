"""The frozen OpenTelemetry names are those of the installed conventions."""

from __future__ import annotations

import pytest
from opentelemetry.semconv._incubating.attributes import (
    deployment_attributes,
    gen_ai_attributes,
    service_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    server_attributes,
)

from extproc.providers.presets import PRESETS
from extproc.telemetry import names

MODULES = (gen_ai_attributes, gen_ai_metrics, error_attributes, http_attributes, server_attributes,
           service_attributes, deployment_attributes)  # fmt: skip
DEFINED = {value for module in MODULES for value in vars(module).values() if isinstance(value, str)}
OURS = {
    name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)
}
BORROWED = {name: value for name, value in OURS.items() if not value.startswith("envelope.")}
WELL_KNOWN = {value.value for value in gen_ai_attributes.GenAiProviderNameValues}


@pytest.mark.parametrize("name", sorted(BORROWED))
def test_name_is_in_the_conventions(name: str) -> None:
    """Contract: GenAI conventions; a name we made up would break every dashboard silently."""
    assert BORROWED[name] in DEFINED


def test_there_are_borrowed_names() -> None:
    """Contract: the test above is not vacuous."""
    assert {"gen_ai.operation.name", "gen_ai.server.request.duration"} <= set(BORROWED.values())


def test_providers_have_the_conventions_names() -> None:
    """Contract: GenAI conventions, `gen_ai.provider.name`: a well-known value where there is one,
    for providers that exist, and no two under one name."""
    assert set(names.PROVIDERS.values()) <= WELL_KNOWN
    assert set(names.PROVIDERS) <= set(PRESETS)
    shown = [names.provider(name) for name in PRESETS]
    assert len(set(shown)) == len(shown)
    missed = {name.replace("-", "_") for name in set(PRESETS) - set(names.PROVIDERS)} & WELL_KNOWN
    assert not missed


def test_numbers_of_a_request_have_the_conventions_names() -> None:
    """Contract: GenAI conventions, `gen_ai.request.*`."""
    assert {name for name, _ in names.REQUEST_NUMBERS.values()} <= DEFINED
