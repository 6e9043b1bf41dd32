"""The dashboard and the alert rules ask for what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.admin.ledger_state import STATES
from extproc.errors import Code
from extproc.routing.values import Ending
from extproc.telemetry import catalog
from extproc.telemetry.catalog import Definition
from extproc.telemetry.figures import USAGE_FLAGS
from tests.telemetry.promql import TARGET_LABELS, grouped, selectors

FOLDER = Path(__file__).parents[2] / "docs" / "grafana"
BOARD: Any = json.loads((FOLDER / "envelope.json").read_text())
RULES: list[Any] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
DEFINITIONS = {d.name: d for d in (*catalog.RECORDED, *catalog.READ_ON_DEMAND)}
VALUES: dict[str, set[str]] = {
    "code": {code.value for code in Code},
    "state": set(STATES),
    "ending": {"1xx", "2xx", "3xx", "4xx", "5xx", *(e.value for e in Ending)},
    "flag": set(USAGE_FLAGS),
    "kind": {"rate", "concurrency", "budget"},
}
"""Closed tables that labels come from."""


def expressions() -> Iterator[tuple[str, str]]:
    """(where it stands, the expression)."""
    for panel in PANELS:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)


EXPRESSIONS = sorted(set(expressions()))


def shown(name: str) -> tuple[Definition, frozenset[str]]:
    """The definition behind a series' name, and the labels that it has. Raises KeyError."""
    bare = re.sub(r"_(bucket|count|sum)$", "", name)
    definition = DEFINITIONS.get(name) or DEFINITIONS[bare]
    if (definition.kind == "histogram") == (name in DEFINITIONS):
        raise KeyError(name)
    le = {"le"} if name.endswith("_bucket") else set()
    return definition, frozenset({*definition.shown_labels, *le})


def faults(expression: str) -> list[str]:
    """What is wrong with an expression, in words."""
    try:
        used = list(selectors(expression))
        found = [fault for one in used for fault in _faults_of(one)]
        have = frozenset().union(*(shown(one.metric)[1] for one in used)) | TARGET_LABELS
    except (ValueError, KeyError) as error:
        return [str(error)]
    unknown = {label for group in grouped(expression) for label in group} - have
    return [*found, *(f"by {label}" for label in sorted(unknown))]


def _faults_of(used: Any) -> Iterator[str]:
    definition, labels = shown(used.metric)
    if used.rated != (definition.kind != "gauge"):
        yield f"{used.metric} is a {definition.kind}"
    for label, (operator, value) in used.matchers.items():
        if label not in labels | TARGET_LABELS:
            yield f"{used.metric} has no {label}"
        parts = value.split("|") if "~" in operator else [value]
        if label in VALUES and not set(parts) <= VALUES[label]:
            yield f"{label} is never {value}"


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_metric_and_label_exists(where: str, expression: str) -> None:
    """Telemetry: a panel or an alert on a name that is not there would be silent for ever."""
    assert faults(expression) == []


@pytest.mark.parametrize("expression", [
    "sum(rate(envelope_request_total[5m]))", "envelope_store_up{", "rate(envelope_store_up[5m])",
    "envelope_requests_total > 1", "sum by (team) (rate(envelope_requests_total[5m]))",
    'rate(envelope_refusals_total{code="nope"}[5m])', "summ(envelope_store_up)",
    'rate(envelope_refusals_total{codes="x"}[5m])', "rate(envelope_governance_seconds[5m])",
    "envelope_store_up)", "envelope_store_up ? 1", "rate(envelope_requests_total)",
])  # fmt: skip
def test_the_check_finds_mistakes(expression: str) -> None:
    """Telemetry: the test above is not vacuous."""
    assert faults(expression)


def test_every_metric_is_looked_at_somewhere() -> None:
    """Telemetry: what nobody shows nobody sees; the few exceptions have a reason."""
    used = {shown(u.metric)[0].name for _, text in EXPRESSIONS for u in selectors(text)}
    seldom = {
        "envelope_attempts_total",  # `envelope_target_attempts_total` says more
        "envelope_audit_pruned_entries_total",  # retention does what it was told
        "envelope_left_out_total",  # of interest to who writes clients
        "gen_ai_client_token_usage",  # a distribution; sums are `envelope_tokens_total`
        "envelope_limit_used", "envelope_limit_reserved", "envelope_limit_left",
        "envelope_limit_soft", "envelope_limit_counters", "envelope_limits_omitted",
        "envelope_limits_age_seconds",  # `envelope_limit_used_ratio` is comparable over rules
    }  # fmt: skip
    assert set(DEFINITIONS) - used == seldom


def test_the_board_is_one_that_grafana_reads() -> None:
    """Telemetry: ids are unique, nothing overlaps, data source and environment can be chosen."""
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = [(x, y) for p in BOARD["panels"] for g in (p["gridPos"],)
             for x in range(g["x"], g["x"] + g["w"])
             for y in range(g["y"], g["y"] + g["h"])]  # fmt: skip
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert [v["name"] for v in BOARD["templating"]["list"]] == ["datasource", "environment"]
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            found = list(selectors(target["expr"]))
            assert found
            assert all(u.matchers["environment"] == ("=~", "$environment") for u in found)
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            by = {label for group in grouped(target["expr"]) for label in group}
            assert named <= by


def test_every_alert_says_what_to_do() -> None:
    """Telemetry: a summary for whoever is woken, a runbook for what comes next; its labels exist
    in what the expression yields."""
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 20
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert {"summary", "runbook"} == set(rule["annotations"])
        words = " ".join(rule["annotations"].values())
        named = set(re.findall(r"\$labels\.(\w+)", words))
        assert named <= {label for group in grouped(rule["expr"]) for label in group}


def test_runbooks_name_what_exists() -> None:
    """Telemetry: pages and metrics that a runbook sends somebody to."""
    words = " ".join(word for rule in RULES for word in rule["annotations"].values())
    pages = re.findall(r"docs/[\w.-]+\.md", words)
    assert pages and all((FOLDER.parents[1] / page).is_file() for page in pages)
    named = re.findall(r"`(envelope_\w+)`", words)
    assert named and set(named) <= set(DEFINITIONS)
    assert set(re.findall(r"\b(\w+_unavailable)\b", words)) <= set(VALUES["code"])
