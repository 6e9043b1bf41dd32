"""Prompt injection and jailbreak: weighted signals, read through disguises.

Promises: a text violates where signals within a window weigh as much as the sensitivity asks for;
the finding's label names every group that fired, joined by `+`. Refuses: settings it does not know.
It validates only (`OPERATIONS`): to cut words out of an attack leaves an attack.

Who is read how (`scans`):
- what users write and models answer, the arguments of tools included, at `sensitivity`: a model may
  repeat to the next one what it was told;
- tool results at `tool_result_sensitivity`, which is higher: nobody has reason to give a model
  orders there;
- tool definitions at `sensitivity`: a poisoned description is a known attack on MCP, but honest
  ones are full of orders ("call this first"), which high sensitivity would take for attacks;
- system prompts and refusals not at all: the operator's own rules ("never reveal these
  instructions") and a model's "I cannot ignore my instructions" hold the very words looked for. So
  what an application pastes from elsewhere into its system prompt is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from extproc.guardrails.detectors.prompt_injection.detector import HOLDBACK_MAX, InjectionDetector
from extproc.guardrails.detectors.prompt_injection.phrase import LABELS
from extproc.guardrails.values import Detector
from extproc.llm.call import Role

__all__ = ["HOLDBACK_MAX", "LABELS", "OPERATIONS", "SENSITIVITIES", "build", "mistakes", "scans"]

OPERATIONS = ("validate",)
SENSITIVITIES = {"low": 56, "medium": 40, "high": 24}
"""The weight that makes a finding. One clear order to forget the instructions weighs 40."""

Place = Literal["text", "tool_result"]
_DEFAULTS: Mapping[Place, tuple[str, str]] = {
    "text": ("sensitivity", "medium"),
    "tool_result": ("tool_result_sensitivity", "high"),
}
_ROLES: Mapping[Place, frozenset[Role]] = {
    "text": frozenset(
        ("user", "input", "assistant", "reasoning", "tool_arguments", "tool_definition")
    ),
    "tool_result": frozenset(("tool",)),
}


def mistakes(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with this type's `config:`; empty when nothing is."""
    keys = [key for key, _ in _DEFAULTS.values()]
    found = [f"unknown key '{key}' (known: {', '.join(keys)})" for key in config if key not in keys]
    for key in keys:
        if key in config and config[key] not in tuple(SENSITIVITIES):
            found.append(f"'{key}' must be one of {', '.join(SENSITIVITIES)}")
    return found


def build(config: Mapping[str, Any], place: Place = "text") -> InjectionDetector:
    """The detector of a `config` without mistakes, for texts of a place."""
    key, default = _DEFAULTS[place]
    return InjectionDetector(SENSITIVITIES[config.get(key, default)])


def scans(config: Mapping[str, Any]) -> tuple[tuple[Detector, frozenset[Role]], ...]:
    """The detectors of a `config` without mistakes, each with the roles whose texts it reads."""
    return tuple((build(config, place), roles) for place, roles in _ROLES.items())
