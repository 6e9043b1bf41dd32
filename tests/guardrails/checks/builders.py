"""Exams for checks and services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.guardrails.values import Exam, Hook, Opinion, Passage, Scene


def exam(*texts: str, hook: Hook = "llm_output", role: str = "assistant",
         request: Mapping[str, Any] | None = None, **scene: Any) -> Exam:  # fmt: skip
    """`scene`: fields of the Scene."""
    passages = tuple(Passage(f"t[{i}]", role, text) for i, text in enumerate(texts))  # type: ignore[arg-type]
    return Exam(hook, Scene(**scene), passages, request=request or {})


def told(opinion: Opinion) -> list[tuple[str, str]]:
    return [(remark.label, remark.path) for remark in opinion.remarks]
