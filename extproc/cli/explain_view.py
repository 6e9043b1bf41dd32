"""What became of an explained call, as a document and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extproc.config.files import place
from extproc.config.kinds import ROUTING
from extproc.errors import Refusal
from extproc.exchange import bounds
from extproc.exchange.admission import asking
from extproc.exchange.request import Request
from extproc.exchange.selected import Selected
from extproc.identity import scope
from extproc.identity.principal import Principal
from extproc.limits.caps import FIELDS
from extproc.limits.values import NANO_USD, Charge
from extproc.llm.dialects import dialect_for
from extproc.routing.attempts import Step
from extproc.routing.rules import Rule
from extproc.routing.values import Target

Explanation = dict[str, Any]


def described(request: Request, refusal: Refusal | None, last: str) -> Explanation:
    """Everything that is known after the step `last`."""
    principal, call = request.principal, request.call
    assert principal is not None and call is not None
    return {
        "caller": {"type": principal.type, "name": principal.name, "team": principal.team,
                   "subjects": sorted(principal.subjects)},
        "model": call.model,
        "operation": call.operation,
        "metadata": dict(request.metadata),
        "scope": _scope(principal, call.model),
        "rules": [] if last == "contract" else list(_rules(request)),
        "targets": [_target(request, target) for target in _candidates(request)],
        "guardrails": _guardrails(request.guards),
        "caps": _caps(request),
        "limits": [_limit(charge) for charge in request.charges],
        "plan": [_slot(number, step, request) for number, step in enumerate(request.steps, 1)],
        "worst_case_usd": _worst_case(request),
        "verdict": _verdict(refusal, last),
    }  # fmt: skip


def _scope(principal: Principal, model: str) -> Explanation:
    by = (glob for glob in principal.models if scope.may_call((glob,), model))
    bound = (glob for glob in principal.ceiling or () if scope.may_call((glob,), model))
    return {
        "granted": scope.in_scope(principal, model),
        "by": next(by, None),
        "within": next(bound, None),
        "bounded": principal.ceiling is not None,
    }


def _rules(request: Request) -> Iterator[Explanation]:
    """Rules that the name may meet, up to the one that serves it."""
    config = request.world.config
    ask = asking(request, request.model)
    for rule in request.world.router.rules_for(request.model):
        matches = rule.concerns(ask)
        file, line = place(config, f"{ROUTING}#{rule.rule.id}")
        yield {
            "id": rule.rule.id,
            "at": f"{file}:{line}",
            "matches": matches,
            "because": [] if matches else list(_against(rule, ask.subjects, ask.metadata)),
            "left_out": _left_out(rule, request) if matches else [],
        }
        if matches:
            return


def _left_out(rule: Rule, request: Request) -> list[str]:
    """Targets of the rule that this call never reaches."""
    reached = {t.name for t in request.routed.targets} if request.routed is not None else set()
    return [o.target.name for o in rule.options if o.target.name not in reached]


def _against(rule: Rule, subjects: frozenset[str], metadata: Mapping[str, str]) -> Iterator[str]:
    wanted = rule.others.subjects
    if wanted is not None and wanted.isdisjoint(subjects):
        yield f"the caller is none of {', '.join(sorted(wanted))}"
    for key, value in rule.others.metadata:
        if metadata.get(key) != value:
            said = f"it is '{metadata[key]}'" if key in metadata else "nobody says it"
            yield f"metadata {key} must be '{value}', and {said}"


def _candidates(request: Request) -> tuple[Target, ...]:
    """Every target in its order, also those that a later step took out."""
    return request.routed.targets if request.routed is not None else ()


def _target(request: Request, target: Target) -> Explanation:
    assert request.caller is not None
    name = target.name
    dialect = dialect_for(request.caller, target.account, target.model)
    decision = next((d for said, d in request.record.decisions if said == name), None)
    price = request.world.prices.price(name)
    return {
        "target": name,
        "region": target.account.region,
        "dialect": None if dialect is None else dialect.name,
        "translated": dialect is not None and dialect.shape != request.caller.shape,
        "allowed": None if decision is None else decision.allow,
        "reasons": [] if decision is None else list(decision.reasons),
        "obligations": {} if decision is None else dict(decision.obligations),
        "priced": price is not None or target.account.unpriced == "allow",
    }


def _guardrails(selected: Selected) -> Explanation:
    return {
        "rules": list(selected.rule_ids),
        "input": list(selected.input.selectors),
        "output": list(selected.output.selectors),
    }


def _caps(request: Request) -> Explanation:
    found: Explanation = {}
    for name in FIELDS:
        cap = getattr(request.caps, name)
        if cap is not None:
            found[name] = {"limit": cap.limit, "rule": cap.rule_id}
    for clamped in request.record.clamped:
        found["clamped"] = {"to": clamped.after, "rule": clamped.rule_id}
    return found


def _limit(charge: Charge) -> Explanation:
    return {
        "kind": charge.kind, "rule": charge.rule_id, "counter": charge.counter,
        "measure": charge.measure, "reserves": charge.amount, "limit": charge.limit,
        "window": charge.window.label, "mode": charge.mode,
    }  # fmt: skip


def _slot(number: int, step: Step, request: Request) -> Explanation:
    leads = {ending: lead.slot for ending, lead in step.leads.items()}
    nano_usd = request.demand.cost_nano_usd(step.target)
    return {"slot": number, "target": step.target.name, "connection": step.target.connection,
            "leads": leads, "worst_case_usd": nano_usd / NANO_USD}  # fmt: skip


def _worst_case(request: Request) -> float:
    if not request.steps:
        return 0.0
    return bounds.most(request.steps, request.demand.cost_nano_usd) / NANO_USD


def _verdict(refusal: Refusal | None, last: str) -> Explanation:
    if refusal is None:
        return {"allowed": True}
    return {"allowed": False, "step": last, "status": refusal.status, "code": refusal.code.value,
            "detail": refusal.detail, "reason": refusal.reason}  # fmt: skip


# --- as text -------------------------------------------------------------------------------------


def lines(said: Explanation) -> Iterator[str]:
    """For a terminal, in the order of the request's way."""
    caller = said["caller"]
    yield f"{caller['type']} '{caller['name']}' asks for {said['model']} ({said['operation']})"
    yield f"  subjects   {', '.join(caller['subjects'])}"
    yield f"  metadata   {_pairs(said['metadata'])}"
    yield f"  scope      {_scope_line(said['scope'])}"
    yield from _section("rules", map(_rule_line, said["rules"]), "no rule: a model by its own name")
    yield from _section("targets", map(_target_line, said["targets"]), "none")
    guards = said["guardrails"]
    for hook in ("input", "output"):
        yield f"  guardrails {hook}: {', '.join(guards[hook]) or 'none'}"
    if said["caps"]:
        yield f"  caps       {_pairs({k: _bound(v) for k, v in said['caps'].items()})}"
    yield from _section("limits", map(_limit_line, said["limits"]), "none counts")
    yield from _section("plan", map(_slot_line, said["plan"]), "none")
    if said["plan"]:
        yield f"  worst case {said['worst_case_usd']:.6f} USD over all attempts"
    yield _verdict_line(said["verdict"])


def _section(name: str, found: Iterator[str], nothing: str) -> Iterator[str]:
    first = f"  {name:<10} "
    for line in found:
        yield first + line
        first = " " * len(first)
    if first.strip():
        yield first + nothing


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items()) or "none"


def _bound(value: Mapping[str, object]) -> str:
    return " ".join(str(part) for part in value.values())


def _scope_line(found: Explanation) -> str:
    if found["granted"]:
        within = f", within the team's '{found['within']}'" if found["bounded"] else ""
        return f"granted by '{found['by']}'{within}"
    return "the key's models do not cover it" if found["by"] is None else "the team's models do not"


def _rule_line(rule: Explanation) -> str:
    if rule["matches"]:
        left_out = f"; left out: {', '.join(rule['left_out'])}" if rule["left_out"] else ""
        return f"{rule['id']} serves it ({rule['at']}){left_out}"
    return f"{rule['id']} does not match ({rule['at']}): {'; '.join(rule['because'])}"


def _target_line(target: Explanation) -> str:
    if target["dialect"] is None:
        return f"{target['target']}: does not offer this operation"
    how = f"{target['dialect']}{' (translated)' if target['translated'] else ''}"
    allowed = {True: "policy allows", False: "policy denies", None: "policy not asked"}
    why = f": {'; '.join(target['reasons'])}" if target["reasons"] else ""
    price = "" if target["priced"] else ", without a price: refused"
    return f"{target['target']}: {how}, {allowed[target['allowed']]}{why}{price}"


def _limit_line(limit: Explanation) -> str:
    amounts = [limit["reserves"], limit["limit"]]
    if limit["measure"] == "cost":
        amounts = [f"{amount / NANO_USD:.6f}" for amount in amounts]
    unit = "USD" if limit["measure"] == "cost" else limit["measure"]
    audit = "" if limit["mode"] == "enforce" else f" [{limit['mode']}]"
    return (
        f"{limit['kind']} {limit['rule']}: {amounts[0]} of {amounts[1]} {unit} "
        f"per {limit['window']}{audit}"
    )


def _slot_line(slot: Explanation) -> str:
    by_slot: dict[int, list[str]] = {}
    for ending, onto in slot["leads"].items():
        by_slot.setdefault(onto, []).append(ending)
    onward = "; ".join(f"{' '.join(endings)} -> {onto}" for onto, endings in by_slot.items())
    name = slot["target"]
    if slot["connection"] != name.partition("/")[0]:
        name += f" ({slot['connection']})"
    return f"{slot['slot']}. {name}{'  ' + onward if onward else ''}"


def _verdict_line(verdict: Explanation) -> str:
    if verdict["allowed"]:
        return "ALLOWED"
    why = verdict["reason"] or verdict["detail"]
    return f"REFUSED at {verdict['step']}: {verdict['status']} {verdict['code']} ({why})"
