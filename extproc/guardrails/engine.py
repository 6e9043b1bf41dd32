"""The guardrail engine: which rules apply to a call. What they then do: `hook.py`, `stream.py`.

Promises: every rule that matches applies, at every hook it names guardrails for; what a caller or a
policy adds is added. Core: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from extproc.config.guardrail_model import GuardrailRule
from extproc.errors import Code, Refusal
from extproc.guardrails.compile import Registry
from extproc.guardrails.selection import RuleMatcher, Selection, arrange
from extproc.guardrails.values import Hook

_CACHED_SELECTIONS_MAX = 1024
_Key = tuple[Hook, tuple[int, ...], bool]


class Engine:
    """Compiled guardrails and rules. Raises ValueError when a rule names an unknown guardrail."""

    def __init__(self, registry: Registry, rules: Sequence[GuardrailRule]) -> None:
        self._registry = registry
        self._rules = [RuleMatcher(rule) for rule in rules]
        self._cache: dict[_Key, Selection] = {}
        named = {name for rule in self._rules for names in rule.names.values() for name in names}
        if unknown := sorted(named - registry.keys()):
            raise ValueError(f"unknown guardrails: {', '.join(unknown)}")

    def rules_for(
        self,
        subjects: Collection[str],
        models: Iterable[str],
        metadata: Mapping[str, str],
        hook: Hook,
        extra: Collection[str] = (),
        *,
        environment: str = "",
        tool: tuple[str, str] | None = None,
        internal: bool = False,
    ) -> Selection | Refusal:
        """Everything that applies to one hook of one call.

        `models`: every name a rule may know the call by (virtual name, `account/model` targets).
        `extra`: selectors added by `x-tfy-guardrails` or a policy's obligations. `tool`: (server,
        tool) of a tool call. `internal`: a judge's own call: the text in it has been judged, so it
        is only redacted.
        """
        if not self._registry.keys() >= set(extra):
            # Not by its name: that is a caller's text (P4).
            return Refusal(Code.INVALID_REQUEST, "Unknown guardrail.")
        models = tuple(models)
        matched = tuple(
            index
            for index, rule in enumerate(self._rules)
            if rule.speaks_of(hook) and rule.matches(subjects, models, metadata, environment, tool)
        )
        if extra:
            return self._select(hook, matched, extra, internal)
        key = (hook, matched, internal)
        cached = self._cache.get(key)
        if cached is None:
            cached = self._select(hook, matched, (), internal)
            if len(self._cache) < _CACHED_SELECTIONS_MAX:
                self._cache[key] = cached
        return cached

    def _select(
        self, hook: Hook, matched: tuple[int, ...], extra: Collection[str], internal: bool
    ) -> Selection:
        rules = [self._rules[index] for index in matched]
        messages: dict[str, str] = {}
        for rule in rules:
            if rule.message is not None:
                for name in rule.names[hook]:
                    messages.setdefault(name, rule.message)
        ruled = dict.fromkeys(name for rule in rules for name in rule.names[hook])
        names = dict.fromkeys((*ruled, *extra))
        found = (self._registry[name].at(hook) for name in names)
        gates = [gate for gate in found if gate is not None]
        if internal:
            gates = [gate for gate in gates if gate.mutates and gate.service is None]
        return arrange(
            gates,
            tuple(rule.id for rule in rules),
            messages,
            next((rule.id for rule in rules if rule.no_unscanned), ""),
            parallel=hook == "llm_input",
            added=names.keys() - ruled.keys(),
        )
