"""Both engines against recorded decisions: `vectors/<case>/` holds policies, data, decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extproc.policy import bundle as bundles
from extproc.policy.embedded import load
from extproc.policy.opa_server import OpaEngine
from extproc.policy.push import push
from extproc.policy.values import Decision
from tests.policy.opa_process import OpaProcess

VECTORS = Path(__file__).parent / "vectors"
CASES = sorted(path.name for path in VECTORS.iterdir() if path.is_dir())


def sources(case: str) -> list[Path]:
    folder = VECTORS / case
    match case:
        case "shipped-default":
            return [bundles.shipped()]
        case "example-first-seed":
            return [bundles.shipped().parent / "examples" / "first-seed"]
        case _:
            return [*folder.glob("*.rego"), *folder.glob("data.json")]


def recorded(case: str) -> tuple[list[dict[str, Any]], list[Decision]]:
    rows = json.loads((VECTORS / case / "decisions.json").read_text())
    decisions = [
        Decision(d["allow"], tuple(d["reasons"]), d["obligations"], tuple(d["faults"]))
        for d in (row["decision"] for row in rows)
    ]
    return [row["input"] for row in rows], decisions


@pytest.mark.parametrize("case", CASES)
async def test_the_embedded_engine_decides_as_recorded(case: str) -> None:
    """P6: the same input gives the same decision, on the embedded engine."""
    inputs, expected = recorded(case)
    assert await load(sources(case)).decide(inputs) == expected


@pytest.mark.parametrize("case", CASES)
async def test_opa_decides_as_recorded(case: str, opa: OpaProcess) -> None:
    """P6: the same input gives the same decision, on a real OPA over a unix socket."""
    opa.clear()
    push(bundles.read(sources(case)), opa.url)
    inputs, expected = recorded(case)
    engine = OpaEngine(f"unix://{opa.socket}", timeout_ms=5_000)
    try:
        assert await engine.decide(inputs) == expected
    finally:
        await engine.close()


def test_the_vectors_are_not_one_sided() -> None:
    """P1: a corpus in which everything is denied (or allowed) would prove nothing."""
    allowed = [d.allow for case in CASES for d in recorded(case)[1]]
    assert 20 < sum(allowed) < len(allowed) - 20
