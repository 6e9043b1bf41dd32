"""One worker's figures: told of each closed exchange, a few dict increments and done.

Promises: bounded in memory and time whatever callers send (`series.py`); nothing of a key or of a
text (P4). Publishing is `snapshot.py`, adding up all workers is `collect.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from extproc.exchange.record import Record
from extproc.guardrails.values import HookResult
from extproc.limits.values import CounterState
from extproc.policy.shadow import result
from extproc.telemetry import catalog, figures, names
from extproc.telemetry.catalog import Definition
from extproc.telemetry.figures import NONE
from extproc.telemetry.series import Counter, Histogram, Key
from extproc.usage.usage import Usage


class Metrics:
    """Owned by one event loop. `metadata_keys`: request metadata that becomes labels."""

    def __init__(self, metadata_keys: Sequence[str] = ()) -> None:
        self._keys = tuple(dict.fromkeys(metadata_keys))
        self._labels = catalog.metadata_labels(self._keys)
        self.counters: dict[str, Counter] = {}
        self.histograms: dict[str, Histogram] = {}
        self._requests = self._counter(catalog.REQUESTS)
        self._refusals = self._counter(catalog.REFUSALS)
        self._tokens = self._counter(catalog.TOKENS_USED)
        self._cost = self._counter(catalog.COST)
        self._guardrails = self._counter(catalog.GUARDRAILS)
        self._findings = self._counter(catalog.FINDINGS)
        self._guardrail_faults = self._counter(catalog.GUARDRAIL_FAULTS)
        self._attempts = self._counter(catalog.ATTEMPTS)
        self._target_attempts = self._counter(catalog.TARGET_ATTEMPTS)
        self._fallbacks = self._counter(catalog.FALLBACKS)
        self._shadows = self._counter(catalog.SHADOWS)
        self._shadow_policies = self._counter(catalog.SHADOW_POLICIES)
        self._left_out = self._counter(catalog.LEFT_OUT)
        self._limit_over = self._counter(catalog.LIMIT_OVER)
        self._degraded = self._counter(catalog.DEGRADED)
        self._clamped = self._counter(catalog.CLAMPED)
        self._usage_flags = self._counter(catalog.USAGE_FLAGS)
        self._faults = self._counter(catalog.FAULTS)
        self._phases = self._histogram(catalog.PHASES)
        self._governance = self._histogram(catalog.GOVERNANCE)
        self._token_usage = self._histogram(catalog.TOKEN_USAGE)
        self._duration = self._histogram(catalog.REQUEST_DURATION)
        self._at_provider = self._histogram(catalog.OPERATION_DURATION)
        self._first_token = self._histogram(catalog.TIME_TO_FIRST_TOKEN)
        self._per_token = self._histogram(catalog.TIME_PER_OUTPUT_TOKEN)

    def _counter(self, definition: Definition) -> Counter:
        counter = Counter(definition.with_labels(self._labels))
        self.counters[definition.name] = counter
        return counter

    def _histogram(self, definition: Definition) -> Histogram:
        histogram = Histogram(definition)
        self.histograms[definition.name] = histogram
        return histogram

    def exchange_closed(self, record: Record) -> None:
        model = figures.model(record)
        extra = tuple([record.shown_metadata.get(key) or NONE for key in self._keys])
        self._count_outcome(record, model, extra)
        self._time_phases(record)
        self._count_limits(record)
        self._count_shadow_policies(record)
        for hook in (record.input_guard, record.output_guard):
            if hook is not None:
                self._count_guardrails(hook)
        if record.usage is not None or record.billed:
            self._count_spend(record, model, extra)
        if record.served is not None:
            self._count_call(record)
        if record.left_out or record.left_out_of_answer:
            self._left_out.add((model,))
        for target, ended in record.tried:
            ending = figures.status_class(ended.status) if ended.status else ended.ending.value
            self._target_attempts.add((target.name, target.key or NONE, ending))

    def shadowed(self, result: str) -> None:
        self._shadows.add((result,))

    def fault(self, error: BaseException) -> None:
        """An exchange that could not be observed: a gap in these figures, and it shows."""
        self._faults.add((type(error).__name__,))

    def overflows(self) -> dict[Key, int]:
        """Metric -> observations folded into `other`."""
        every: list[Counter | Histogram] = [*self.counters.values(), *self.histograms.values()]
        return {(s.definition.name,): s.bound.overflows for s in every if s.bound.overflows}

    # --- one exchange -------------------------------------------------------------------------

    def _count_outcome(self, record: Record, model: str, extra: Key) -> None:
        refusal, code = record.refusal, NONE
        if refusal is not None:
            code = refusal.code.value
            self._refusals.add((code, refusal.rule_id or NONE))
        outcome, status = record.outcome or "aborted", figures.status_class(record.status)
        self._requests.add((record.operation or NONE, model, outcome, code, status, *extra))

    def _time_phases(self, record: Record) -> None:
        observe = self._phases.observe
        for phase, spent_ns in record.phases_ns.items():
            observe((phase,), spent_ns)
        if record.sent_ns:
            self._governance.observe((), record.sent_ns - record.started_ns)

    def _count_limits(self, record: Record) -> None:
        for counter in record.counters:
            if (counter.over or counter.over_soft) and not figures.refused_by_limit(record):
                self._count_over(counter)
        for step in record.degraded:
            self._degraded.add((step.rule_id, step.action))
        if record.clamped:
            for rule_id in {clamped.rule_id for clamped in record.clamped}:
                self._clamped.add((rule_id,))
        for flag in record.usage_flags:
            self._usage_flags.add((figures.usage_flag(flag),))

    def _count_shadow_policies(self, record: Record) -> None:
        if record.basis.shadows:
            allowed = any(decision.allow for _, decision in record.decisions)
            for one in record.basis.shadows:
                self._shadow_policies.add((result(one, allowed),))

    def _count_over(self, counter: CounterState) -> None:
        if counter.over:
            self._limit_over.add((counter.rule_id, counter.kind, "limit"))
        if counter.over_soft:
            self._limit_over.add((counter.rule_id, counter.kind, "soft_limit"))

    def _count_guardrails(self, hook: HookResult) -> None:
        for pair in hook.outcomes.items():
            self._guardrails.add(pair)
        for failed in hook.faults.items():
            self._guardrail_faults.add(failed)
        for found in hook.findings:
            self._findings.add((found.guardrail, found.label), found.count)

    def _count_spend(self, record: Record, model: str, extra: Key) -> None:
        """Each attempt that was billed is booked to the target that it went to."""
        cost_nano_usd = record.cost_nano_usd
        for billed in record.billed:
            cost_nano_usd -= billed.cost_nano_usd
            self._count_usage(billed.usage, billed.target.name, extra)
            self._count_cost(billed.cost_nano_usd, billed.target.name, record, extra)
        if record.usage is not None:
            self._count_usage(record.usage, model, extra)
        if cost_nano_usd:
            self._count_cost(cost_nano_usd, model, record, extra)

    def _count_usage(self, usage: Usage, model: str, extra: Key) -> None:
        add = self._tokens.add
        add((model, "input", *extra), usage.input_tokens)
        add((model, "output", *extra), usage.output_tokens)
        if usage.cached_input_tokens:
            add((model, "cached_input", *extra), usage.cached_input_tokens)
        for kind, tokens in (
            ("cache_creation_input", usage.cache_write_tokens + usage.cache_write_1h_tokens),
            ("audio_input", usage.audio_input_tokens),
            ("image_input", usage.image_input_tokens),
            ("audio_output", usage.audio_output_tokens),
        ):
            if tokens:
                add((model, kind, *extra), tokens)

    def _count_cost(self, cost_nano_usd: int, model: str, record: Record, extra: Key) -> None:
        self._cost.add((model, figures.team(record), *extra), cost_nano_usd)

    def _count_call(self, record: Record) -> None:
        served = record.served
        assert served is not None
        if record.attempts:
            self._attempts.add((served.name,), record.attempts)
        if record.plan and record.plan[0] != served.name:
            self._fallbacks.add((record.plan[0], served.name))
        asked = record.call.model if record.call is not None else NONE
        provider = names.provider(served.account.provider)
        call = (record.operation, provider, asked, served.model.id)
        error = figures.error_type(record) or NONE
        self._duration.observe((*call, error), record.ended_ns - record.started_ns)
        if len(record.tried) == 1:
            spent_ns = figures.answered_ns(record) - record.sent_ns
            self._at_provider.observe((*call, error), spent_ns)
        if record.usage is not None:
            self._token_usage.observe((*call, "input"), record.usage.total_input_tokens)
            self._token_usage.observe((*call, "output"), record.usage.output_tokens)
        if record.first_token_ns:
            self._first_token.observe(call, record.first_token_ns - record.started_ns)
            per_token_ns = figures.per_output_token_ns(record)
            if per_token_ns is not None:
                self._per_token.observe(call, per_token_ns)
