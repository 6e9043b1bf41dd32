"""From documents to gates. What a type needs is imported when a configuration names the type.

Promises: equal detectors are built once and scan once; a guardrail that cannot be built is a
ValueError that names it, never a guardrail that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from extproc.config.base import Document
from extproc.config.guardrail_model import SERVICES, Guardrail
from extproc.config.guardrail_settings import read_settings
from extproc.guardrails.checks.roles import OWN_ROLES
from extproc.guardrails.gate import Gate, Roles, Scan
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import Detector, Hook

_CHECKS = frozenset(("metadata", "json-schema", "length", "language", "cedar"))
_BOUND = frozenset(("prompt-leak",))
_FILES = {"regex": "regex_patterns"}
"""Types whose file is not called like them."""

Registry = Mapping[str, Gate]


def mistakes(guardrail: Guardrail) -> list[str]:
    """What is wrong with one guardrail's `config:`; empty when nothing is (P7)."""
    try:
        read_settings(guardrail)
    except ValidationError as error:
        return [_told(one) for one in error.errors(include_url=False, include_input=False)]
    if guardrail.type in _CHECKS | _BOUND | SERVICES:
        return []
    module = _module("detectors", guardrail.type)
    found: list[str] = module.mistakes(guardrail.config) if hasattr(module, "mistakes") else []
    return found


def _told(error: Any) -> str:
    return f"{'.'.join(map(str, error['loc']))} {error['msg']}"


def compile_guardrails(
    guardrails: Mapping[str, Guardrail],
    settings: Mapping[str, Document] | None = None,
    ports: Ports | None = None,
    environment: str | None = None,
) -> Registry:
    """Compile `group/name` -> gate.

    `settings`: each guardrail's `config`, read; read here where it is missing. `environment`: the
    gateway's own, for strategies that depend on it. Raises ValueError with every mistake; the
    loader has shown them to the operator before.
    """
    wrong = [f"{name}: {text}" for name, g in guardrails.items() for text in mistakes(g)]
    if wrong:
        raise ValueError("; ".join(wrong))
    build = _Build(settings or {}, ports, environment)
    return {name: build.gate(name, guardrail) for name, guardrail in guardrails.items()}


def _module(family: str, kind: str) -> Any:
    return import_module(f"extproc.guardrails.{family}.{_FILES.get(kind, kind.replace('-', '_'))}")


def _own_roles(kind: str, service: object) -> Mapping[Hook, Roles] | None:
    """Where a type can say anything, and of whose texts; None: everywhere, of all."""
    if getattr(service, "needs_answer", False):
        return {"llm_output": None}
    return OWN_ROLES.get(kind)


class _Build:
    def __init__(
        self, settings: Mapping[str, Document], ports: Ports | None, environment: str | None
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._environment = environment
        self._scans: dict[str, tuple[Scan, ...]] = {}

    def gate(self, selector: str, guardrail: Guardrail) -> Gate:
        kind = guardrail.type
        parts: dict[str, Any] = {}
        if kind in _CHECKS:
            parts["check"] = _module("checks", kind).check(self._read(selector, guardrail))
        elif kind in _BOUND:
            parts["bound"] = _module("checks", kind).bound(self._read(selector, guardrail))
        elif kind in SERVICES:
            parts["service"] = self._service(selector, guardrail)
        else:
            parts["scans"] = self._limited(guardrail)
        return Gate(
            selector,
            guardrail.operation,
            "audit" if guardrail.execution == "after" else guardrail.strategy(self._environment),
            guardrail.priority,
            guardrail.timeout_ms,
            type=kind,
            parallel=guardrail.execution == "parallel",
            own_roles=_own_roles(kind, parts.get("service")),
            redaction=guardrail.redaction or "replace",
            roles=None if guardrail.roles is None else frozenset(guardrail.roles),
            **parts,
        )

    def _read(self, selector: str, guardrail: Guardrail) -> Document:
        return self._settings.get(selector) or read_settings(guardrail)

    def _service(self, selector: str, guardrail: Guardrail) -> object:
        if self._ports is None:
            raise ValueError(f"{selector}: nothing to ask with")
        settings = self._read(selector, guardrail)
        return _module("services", guardrail.type).service(settings, self._ports)

    def _limited(self, guardrail: Guardrail) -> tuple[Scan, ...]:
        """The type's detectors, each with its own roles, or with those the document names."""
        scans = self._detectors(guardrail)
        if guardrail.roles is None:
            return scans
        wanted = frozenset(guardrail.roles)
        limited = [(d, wanted if roles is None else roles & wanted) for d, roles in scans]
        return tuple((detector, roles) for detector, roles in limited if roles)

    def _detectors(self, guardrail: Guardrail) -> tuple[Scan, ...]:
        key = guardrail.type + json.dumps(dict(guardrail.config), sort_keys=True, default=list)
        if key not in self._scans:
            module = _module("detectors", guardrail.type)
            if hasattr(module, "scans"):  # detectors that differ by role
                self._scans[key] = module.scans(guardrail.config)
            else:
                self._scans[key] = _everybody(module.build(guardrail.config))
        return self._scans[key]


def _everybody(detector: Detector) -> tuple[Scan, ...]:
    everybody: Roles = None
    return ((detector, everybody),)
