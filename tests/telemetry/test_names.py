"""The frozen OpenTelemetry names are those of the installed conventions."""

from __future__ import annotations

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes

from extproc.telemetry import names

DEFINED = {
    value
    for module in (gen_ai_attributes, gen_ai_metrics, error_attributes, http_attributes)
    for value in vars(module).values()
    if isinstance(value, str)
}
OURS = {name: value for name, value in vars(names).items() if name.isupper()}
BORROWED = {name: value for name, value in OURS.items() if not value.startswith("envelope.")}


@pytest.mark.parametrize("name", sorted(BORROWED))
def test_name_is_in_the_conventions(name: str) -> None:
    """Contract: GenAI conventions; a name we made up would break every dashboard silently."""
    assert BORROWED[name] in DEFINED


def test_there_are_borrowed_names() -> None:
    """Contract: the test above is not vacuous."""
    assert {"gen_ai.operation.name", "gen_ai.server.request.duration"} <= set(BORROWED.values())
