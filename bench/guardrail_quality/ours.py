"""The detectors of this gateway, built as a configuration would build them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.guardrail_quality.matching import Finding
from extproc.config.model import Guardrail
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.gate import Scan
from extproc.guardrails.values import Detector


def scans(kind: str, config: Mapping[str, Any]) -> tuple[Scan, ...]:
    """A type's detectors, and whose texts each of them reads."""
    one = Guardrail(name="x", type=kind, config=config)  # type: ignore[arg-type]
    return compile_guardrails({"bench/x": one})["bench/x"].scans


def detector(kind: str, config: Mapping[str, Any]) -> Detector:
    """The one that reads what users write."""
    return next(d for d, roles in scans(kind, config) if roles is None or "user" in roles)


def injection() -> tuple[Detector, Detector]:
    """As it is without settings: for what users write, and for what tools bring."""
    found = scans("prompt-injection", {})
    tool = next((d for d, roles in found if roles is None or "tool" in roles), found[0][0])
    return detector("prompt-injection", {}), tool


def found(by: Detector, texts: Sequence[str]) -> list[list[Finding]]:
    return [[Finding(s.start, s.end, s.label) for s in by.find(text)] for text in texts]
