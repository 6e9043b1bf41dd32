"""The house's own rules, checked on its own text: a pure core, small files, one closed table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "extproc"
CORE = ("exchange", "llm", "routing", "guardrails", "usage", "errors.py")
CORE_FILES = (
    "identity/contract.py", "identity/keys.py", "identity/scope.py", "identity/directory.py",
    "identity/principal.py", "identity/record.py", "identity/reserved.py",
    "limits/match.py", "limits/rules.py", "limits/values.py", "limits/window.py",
    "limits/selector.py", "limits/counter_name.py", "limits/override.py", "limits/steps.py",
    "limits/tenant.py", "limits/index.py", "limits/caps.py", "limits/fullness.py",
    "limits/unused.py", "ledger/marks.py", "ledger/holding.py", "ledger/readings.py",
    "ledger/store_clock.py", "alerts/evaluate.py", "alerts/forecast.py", "alerts/message.py",
    "alerts/values.py", "alerts/watch.py", "alerts/text.py", "alerts/channels/webhook.py",
    "alerts/channels/slack_webhook.py", "alerts/channels/ms_teams_webhook.py",
    "alerts/channels/pagerduty.py", "dataplane/trail.py",
    "policy/input.py", "policy/decision.py", "policy/values.py",
    "audit/merkle.py", "audit/entry.py", "audit/values.py", "audit/event.py",
    "audit/anchoring/cosignature.py", "audit/anchoring/values.py", "audit/anchoring/witness.py",
    "audit/anchoring/webhook.py", "audit/columns.py", "audit/shipping/values.py",
    "audit/shipping/plan.py", "audit/shipping/severity.py", "audit/shipping/sinks/syslog_text.py",
    *(f"audit/content/{name}.py" for name in
      ("values", "rules", "scan", "walk", "texts", "redact", "prepare", "seal", "places")),
    *(f"audit/questions/{name}.py" for name in
      ("rows", "views", "filters", "report", "charts", "page", "style", "multiproof", "period",
       "controls", "readme", "personal_data")), "audit/query.py", "audit/tombstone.py",
    *(f"replay/{name}.py" for name in
      ("recorded", "recorded_ledger", "room", "simulated_ledger", "candidates", "guards", "costs",
       "changes", "walk")),
    *(f"telemetry/{name}.py" for name in
      ("names", "figures", "series", "metrics", "span", "span_wire", "span_events", "span_time",
       "attempt_spans")), "config/telemetry_model.py",
    "config/load.py", "config/check.py", "config/match.py", "config/model.py",
    "config/limit_model.py", "config/alert_model.py", "config/tenant_model.py",
    "config/overrides.py", "config/references.py", "config/reach.py", "config/limit_advice.py",
)  # fmt: skip
OUTSIDE = frozenset(
    ("grpc", "redis", "aiohttp", "httpx", "requests", "socket", "subprocess", "time", "random",
     "secrets", "os", "signal", "threading", "starlette", "uvicorn", "opentelemetry")
)  # fmt: skip
"""I/O, clocks and randomness: the core gets what they give as parameters."""


SHELL_FILES = ("guardrails/services/transport.py",)
"""The one file of a core folder that talks to the outside."""


def core_files() -> Iterator[Path]:
    for name in CORE:
        path = ROOT / name
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        yield from (one for one in found if str(one.relative_to(ROOT)) not in SHELL_FILES)
    yield from (ROOT / name for name in CORE_FILES)


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", list(core_files()), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_touches_nothing_outside(path: Path) -> None:
    """Style 2: core files import no driver, no clock, no randomness."""
    assert not imported(path) & OUTSIDE


def test_the_rule_can_fail() -> None:
    """The check above means something: the shell does import what the core may not."""
    assert imported(ROOT / "server" / "service.py") & OUTSIDE
    assert imported(ROOT / "store.py") & OUTSIDE


def test_only_the_renderer_resolves_secrets() -> None:
    """P4: a provider's secret is read where Envoy's secret files are written, a channel's where an
    alert is sent, a guardrail service's where it is asked, an anchor's, a sink's and a collector's
    where they are sent to, the key of kept bodies where it is made, the key of pseudonyms where the
    world is built, and nowhere else."""
    users = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if "config.secrets import" in path.read_text("utf-8")
        and "resolve" in path.read_text("utf-8").split("config.secrets import")[1].split("\n")[0]
    ]
    assert sorted(users) == [
        "alerts/delivery.py", "app.py", "audit/anchoring/delivery.py",
        "audit/content/kek.py", "audit/shipping/credentials.py", "cli/render_command.py",
        "dataplane/gcp_refresh.py",
        "dataplane/secret_files.py",
        "guardrails/services/credentials.py", "guardrails/services/opa.py", "telemetry/otlp.py",
    ]  # fmt: skip


def test_files_stay_small() -> None:
    """Style 5: what no longer fits in a reader's head is two things."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 420 and "_pb2" not in path.name
    }
    assert not long
