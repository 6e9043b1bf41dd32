"""The request's way: authenticate, read, route, ask the policy, reserve, guard, plan, record.

One step after the other, each a small method that stores what it found or returns a Refusal. The
order is the promise: nothing is reserved for a caller nobody knows, nothing is sent that is not
recorded (P1, P2, P3).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from extproc.audit.entry import rfc3339
from extproc.audit.values import AuditUnavailable
from extproc.errors import Code, Refusal
from extproc.exchange import bounds
from extproc.exchange.entry import intent_entry
from extproc.exchange.models_list import models_body
from extproc.exchange.record import Record
from extproc.exchange.selected import Selected, refusal_of, select
from extproc.exchange.values import Allowed, Answered, Attempt, Incoming, Refused, Verdict
from extproc.exchange.world import World
from extproc.identity import contract, keys, scope
from extproc.identity.principal import Principal
from extproc.limits.values import Amounts, Charge, Exceeded, LedgerUnavailable
from extproc.llm import endpoints, strict_json
from extproc.llm.call import Dialect, Family, Json, LlmCall, Operation
from extproc.llm.translate import provider_dialect, translator
from extproc.policy import input as policy_input
from extproc.policy.values import PolicyUnavailable
from extproc.routing.plan import steps
from extproc.routing.values import Target

Step = Callable[["Request"], "Refusal | Awaitable[Refusal | None] | None"]
ANTHROPIC_VERSION = "2023-06-01"
"""The version that our own translations are written in (Anthropic, API versioning)."""
DEADLINE_S = 4.0
"""Below Envoy's own 5 s a message, so that a refusal comes from us, in the caller's dialect."""


@dataclass(slots=True)
class Request:
    """What is known of the request so far. The answer's side reads it later."""

    world: World
    incoming: Incoming
    record: Record
    family: Family = "openai"
    operation: Operation = "chat"
    model_id: str | None = None
    caller: Dialect | None = None
    principal: Principal | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    call: LlmCall | None = None
    asked_for_usage: bool = False
    service_tier: str | None = None
    targets: tuple[Target, ...] = ()
    max_output_tokens: int | None = None
    """The caller's own maximum, or a lower one that a policy obliged."""
    guards: Selected = field(default_factory=Selected)
    extra_guards: tuple[str, ...] = ()
    input_tokens: int = 0
    charges: list[Charge] = field(default_factory=list)
    reserving: asyncio.Task[Any] | None = None
    attempts: tuple[Attempt, ...] = ()
    sent: bool = False

    async def run(self) -> Verdict:
        """Walk the steps. Never raises but CancelledError; every other end is a verdict."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                refusal = await self._walk()
        except TimeoutError:
            refusal = Refusal(Code.OVERLOADED, reason="deadline", retry_after_ms=1000)
        if refusal is not None:
            return self.refuse(refusal)
        if self.operation == "models":
            return self._list_models()
        self.sent = True
        self.record.outcome = "allowed"
        return Allowed(body=self.attempts[0].body or b"", attempts=self._on_the_wire())

    def _list_models(self) -> Verdict:
        """The names this key may call, or the one of them that was asked for."""
        assert self.principal is not None
        names = [n for n in self.world.router.models if scope.in_scope(self.principal, n)]
        if self.model_id is not None and self.model_id not in names:
            return self.refuse(Refusal(Code.PERMISSION_DENIED, reason="model not in scope"))
        self.record.outcome, self.record.status = "answered", 200
        return Answered(models_body(names, self.family, self.model_id))

    async def _walk(self) -> Refusal | None:
        for phase, step in STEPS:
            if self.operation == "models" and phase not in _MODELS_PHASES:
                continue
            began = self.world.now_ns()
            outcome = step(self)
            refusal = await outcome if isinstance(outcome, Awaitable) else outcome
            spent = self.world.now_ns() - began
            self.record.phases_ns[phase] = self.record.phases_ns.get(phase, 0) + spent
            if refusal is not None:
                return refusal
        return None

    def refuse(self, refusal: Refusal) -> Refused:
        """Stop here; the record knows why, the caller learns what the table allows."""
        self.record.refusal = refusal
        self.record.outcome = "refused"
        self.record.status = refusal.status
        headers = {}
        if refusal.retry_after_ms is not None:
            headers["retry-after"] = str(max(1, -(-refusal.retry_after_ms // 1000)))
        return Refused(refusal, self.family, headers)

    def _on_the_wire(self) -> tuple[Attempt, ...]:
        """The first body is the main one; equal bodies do not travel twice."""
        main = self.attempts[0].body
        return tuple(
            Attempt(a.target, a.path, None if a.body == main else a.body, a.retry_on, a.version)
            for a in self.attempts
        )

    # --- steps --------------------------------------------------------------------------------

    def endpoint(self) -> Refusal | None:
        """Which dialect and operation the path stands for; anything else is not governed."""
        self.family = endpoints.family_of(self.incoming.path)
        found = endpoints.resolve(self.incoming.method, self.incoming.path)
        if found is None:
            return Refusal(Code.UNKNOWN_ROUTE)
        self.family, self.caller, self.operation = found.family, found.dialect, found.operation
        self.model_id = found.model_id
        self.record.operation = found.operation
        self.record.dialect = found.dialect.name if found.dialect else found.family
        return None

    def framing(self) -> Refusal | None:
        """What can be judged by headers alone: size, encoding, media type."""
        headers = self.incoming.headers
        if self.operation == "models":
            return None
        limit = self.world.config.gateway.listener.request_body_bytes_max
        stated = headers.get("content-length", "")
        if stated.isdigit() and int(stated) > limit:
            return Refusal(Code.REQUEST_TOO_LARGE, f"The limit is {limit} bytes.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            return Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            return Refusal(Code.UNSUPPORTED_MEDIA_TYPE)
        return None

    async def authenticate(self) -> Refusal | None:
        presented = keys.present(self.incoming.headers)
        if isinstance(presented, Refusal):
            return presented
        found = await self.world.keys.authenticate(presented, self.record.started_at_ms)
        if isinstance(found, Refusal):
            return found
        self.principal = self.record.principal = found
        return None

    def agree_metadata(self) -> Refusal | None:
        assert self.principal is not None
        gateway = self.world.config.gateway
        agreed = contract.agree(
            self.incoming.headers.get("x-tfy-metadata"),
            self.principal,
            gateway.metadata,
            gateway.environment,
        )
        if isinstance(agreed, Refusal):
            return agreed
        self.metadata = self.record.metadata = agreed
        return None

    def read_body(self) -> Refusal | None:
        if not self.incoming.body:
            return Refusal(Code.INVALID_REQUEST, "The body is empty.")
        limit = self.world.config.gateway.listener.request_body_bytes_max
        if len(self.incoming.body) > limit:
            return Refusal(Code.REQUEST_TOO_LARGE, f"The limit is {limit} bytes.")
        self.record.request_sha256 = hashlib.sha256(self.incoming.body).hexdigest()
        body = strict_json.parse(self.incoming.body)
        if isinstance(body, Refusal):
            return body
        assert self.caller is not None
        call = self.caller.read_call(self.incoming.path, body)
        if isinstance(call, Refusal):
            return call
        self.body, self.call = body, call
        tier = body.get("service_tier")
        self.service_tier = tier if isinstance(tier, str) else None
        options = body.get("stream_options")
        self.asked_for_usage = isinstance(options, dict) and options.get("include_usage") is True
        self.max_output_tokens = call.max_output_tokens
        self.record.call, self.record.stream = call, call.stream
        return None

    def route(self) -> Refusal | None:
        """Scope first: a model that is not granted and one that is not there look the same."""
        assert self.principal is not None and self.call is not None
        if not scope.in_scope(self.principal, self.call.model):
            return Refusal(Code.PERMISSION_DENIED, reason="model not in the key's scope")
        routed = self.world.router.route(
            self.call.model, self.principal.subjects, self.metadata, self.world.draw()
        )
        if routed is None:
            return Refusal(Code.PERMISSION_DENIED, reason="no such model")
        if routed.rule_id:
            self.record.rule_ids.append(routed.rule_id)
        self.targets = tuple(t for t in routed.targets if self._speaks(t))
        if not self.targets:
            return Refusal(Code.INVALID_REQUEST, f"This model does not offer {self.operation}.",
                           param="model")  # fmt: skip
        return None

    def _speaks(self, target: Target) -> bool:
        return provider_dialect(self.operation, target.account.dialect) is not None

    async def count(self) -> Refusal | None:
        """Input tokens, by the tokenizer that counts most among the candidates' families."""
        assert self.caller is not None and self.call is not None
        texts = [slot.text for slot in self.caller.request_texts(self.body)]
        families = {t.account.dialect for t in self.targets}
        self.input_tokens = await self.world.tokens.count_large(
            texts,
            "anthropic" if "anthropic" in families else "openai",
            tools=bool(self.call.tools),
            media=len(self.call.unscanned),
        )
        self.record.input_tokens = self.input_tokens
        return None

    async def ask_policy(self) -> Refusal | None:
        """One question per candidate; a target that is not allowed falls out of the plan."""
        engine = self.world.policy
        self.record.policy_digest = engine.bundle_digest
        self.record.policy_engine = self.world.policy_engine
        try:
            decisions = await engine.decide(self._policy_inputs())
        except PolicyUnavailable as error:
            return Refusal(Code.POLICY_UNAVAILABLE, reason=str(error))
        self.record.decisions = list(zip((t.name for t in self.targets), decisions, strict=True))
        pairs = [(t, d) for t, d in zip(self.targets, decisions, strict=True) if d.allow]
        if not pairs:
            return Refusal(Code.PERMISSION_DENIED, reason="policy")
        self.targets = tuple(t for t, _ in pairs)
        return self._oblige([d.obligations for _, d in pairs])

    def _policy_inputs(self) -> list[dict[str, Any]]:
        assert self.principal is not None and self.call is not None and self.caller is not None
        shared = policy_input.shared_part(
            principal=self.principal,
            metadata=self.metadata,
            environment=self.world.config.gateway.environment,
            call=self.call,
            dialect=self.family,
            input_tokens=self.input_tokens,
            time=rfc3339(self.record.started_at_ms),
        )
        return policy_input.for_targets(shared, self.targets)

    def _oblige(self, obligations: list[Any]) -> Refusal | None:
        """Obligations of every allowed target hold together: the least maximum, all guardrails."""
        for duty in obligations:
            most = duty.get("max_tokens")
            if isinstance(most, int) and not isinstance(most, bool) and most > 0:
                self.max_output_tokens = min(most, self.max_output_tokens or most)
            named = duty.get("guardrails")
            if isinstance(named, list | tuple):
                self.extra_guards += tuple(str(g) for g in named if g not in self.extra_guards)
        return None

    def select_guardrails(self) -> Refusal | None:
        assert self.principal is not None
        selected = select(
            self.world.guardrails,
            self.principal.subjects,
            self._model_names(),
            self.metadata,
            self.incoming.headers.get("x-tfy-guardrails"),
            self.extra_guards,
        )
        if isinstance(selected, Refusal):
            return selected
        self.guards = selected
        self.record.rule_ids += selected.rule_ids
        return None

    def _model_names(self) -> tuple[str, ...]:
        """Every name a rule may know this call by."""
        assert self.call is not None
        return (self.call.model, *(t.name for t in self.targets))

    async def reserve(self) -> Refusal | None:
        assert self.principal is not None and self.call is not None
        self.targets = bounds.priced(self.targets, self.world.prices)
        if not self.targets:
            return Refusal(Code.PERMISSION_DENIED, reason="no target has a price")
        self.charges = self.world.limits.charges(
            self.principal, self._model_names(), self.metadata, self._amounts()
        )
        self.record.rule_ids += [c.rule_id for c in self.charges]
        self.record.reservation_id = self.record.decision_id
        # A task of its own: if we are cancelled it still ends, and is settled after that.
        ttl_ms = self.world.config.gateway.limits.reservation_ttl_ms
        self.reserving = asyncio.ensure_future(
            self.world.ledger.reserve(
                self.record.reservation_id, self.world.owner, self.charges, ttl_ms
            )
        )
        try:
            taken = await asyncio.shield(self.reserving)
        except LedgerUnavailable as error:
            return Refusal(Code.STORE_UNAVAILABLE, reason=str(error), retry_after_ms=1000)
        self.record.counters = taken.counters
        return _exceeded(taken) if isinstance(taken, Exceeded) else None

    def _amounts(self) -> Amounts:
        assert self.call is not None
        return bounds.amounts(
            self.targets,
            self.call,
            self.world.prices,
            input_tokens=self.input_tokens,
            stated=self.max_output_tokens,
            service_tier=self.service_tier,
        )

    def guard(self) -> Refusal | None:
        assert self.caller is not None
        if not self.guards.input.gates:
            return None
        slots = self.caller.request_texts(self.body)
        result = self.world.guardrails.run_request(slots, self.guards.input)
        self.record.input_guard = result
        return refusal_of(result)

    def plan(self) -> Refusal | None:
        """Every attempt's body in its target's dialect, with its target's model id."""
        built: dict[str, Attempt | Refusal] = {}
        planned: list[Attempt] = []
        for step in steps(self.targets):
            name = step.target.name
            if name not in built:
                built[name] = self._attempt(step.target)
            attempt = built[name]
            if isinstance(attempt, Refusal):
                if step.target is self.targets[0]:
                    return attempt
                continue
            planned.append(Attempt(step.target, attempt.path, attempt.body, step.retry_on,
                                   attempt.version))  # fmt: skip
        self.attempts = tuple(planned)
        self.record.plan = tuple(dict.fromkeys(a.target.name for a in planned))
        return None

    def _attempt(self, target: Target) -> Attempt | Refusal:
        assert self.caller is not None and self.call is not None
        dialect = provider_dialect(self.operation, target.account.dialect)
        assert dialect is not None
        body = self.body
        translation = translator(self.caller, dialect)
        if translation is not None:
            most = self.max_output_tokens or target.model.max_output_tokens
            translated = translation.request(body, default_max_tokens=most or 4096)
            if isinstance(translated, Refusal):
                return translated
            body = translated
        body = dialect.with_call(
            {**body, **target.override_params},
            model=target.model.id,
            max_output_tokens=self.max_output_tokens,
            include_usage=self.call.stream,
        )
        version = None
        if target.account.dialect == "anthropic":
            # A caller's own version counts only for a body that the caller itself wrote.
            stated = self.incoming.headers.get("anthropic-version") if translation is None else None
            version = stated or ANTHROPIC_VERSION
        path = target.path_prefix + dialect.upstream_path(target.model.id)
        return Attempt(target, path, strict_json.dump(body), "", version)

    def record_intent(self) -> Refusal | None:
        """Before anything is sent (P3)."""
        try:
            self.world.audit.intent(intent_entry(self.record))
        except AuditUnavailable:
            return Refusal(Code.AUDIT_UNAVAILABLE)
        return None


def _exceeded(taken: Exceeded) -> Refusal:
    code = Code.RATE_LIMIT_EXCEEDED if taken.kind == "rate" else Code.BUDGET_EXCEEDED
    return Refusal(
        code,
        f"Rule: {taken.rule_id}.",
        rule_id=taken.rule_id,
        retry_after_ms=max(1, taken.retry_after_ms),
    )


_MODELS_PHASES = frozenset({"route", "auth", "contract"})
STEPS: tuple[tuple[str, Step], ...] = (
    ("route", Request.endpoint),
    ("route", Request.framing),
    ("auth", Request.authenticate),
    ("contract", Request.agree_metadata),
    ("read", Request.read_body),
    ("routing", Request.route),
    ("count", Request.count),
    ("policy", Request.ask_policy),
    ("guardrails", Request.select_guardrails),
    ("limits", Request.reserve),
    ("guardrails", Request.guard),
    ("plan", Request.plan),
    ("audit", Request.record_intent),
)
