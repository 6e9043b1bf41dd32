"""The guardrails of one exchange: what they are told of the call, and what their result means.

Promises: input and output hooks see the same call; a judge that began with the call is heard before
a byte of the answer passes; what this call's pseudonyms stand for never outlives the call (P4).
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from extproc.errors import Code, Refusal
from extproc.exchange import prompting
from extproc.exchange.request import Request
from extproc.exchange.selected import refusal_of
from extproc.guardrails.gate import REVEAL, Gate
from extproc.guardrails.hook import Case, HookRun, passages_of
from extproc.guardrails.redaction import Revealer, Vault, tenant_key
from extproc.guardrails.selection import Selection, arrange, bind
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import Fault, Hook, Passage, Scene
from extproc.llm.call import TextSlot

_PATHS_SHOWN = 5


def guard(request: Request) -> Refusal | Awaitable[Refusal | None] | None:
    """The input hook. Awaitable only where somebody has to be asked."""
    assert request.caller is not None and request.call is not None
    selection = request.guards.input
    if selection.no_unscanned and request.call.unscanned:
        return unscanned_refusal(selection.no_unscanned, request.call.unscanned)
    if not selection.gates:
        return None
    slots = prompting.slots(request)
    hook = HookRun(selection, slots, case_of(request, "llm_input", selection))
    request.input_hook = hook
    if hook.is_large or selection.asks:
        return _judged(request, hook)
    hook.look()
    return _decided(request, hook)


async def _judged(request: Request, hook: HookRun) -> Refusal | None:
    await look(hook)
    await take_time(request, request.guards.input.wait_ms)
    await hook.judge()
    return _decided(request, hook)


_BESIDE_MS = 5_000
"""What everything else of a message may take: Envoy's limit for a message without waiting."""


async def take_time(request: Request, ms: int) -> None:
    """Before somebody is waited for, for at most so long: Envoy must wait too."""
    if ms and request.patience is not None:
        await request.patience(ms + _BESIDE_MS)


async def look(hook: HookRun) -> None:
    """A long text must not keep everybody else waiting."""
    if hook.is_large:
        await hook.look_in_pieces()
    else:
        hook.look()


def _decided(request: Request, hook: HookRun) -> Refusal | None:
    request.record.input_guard = hook.result()
    return refusal_of(request.record.input_guard)


def unscanned_refusal(rule_id: str, paths: tuple[str, ...]) -> Refusal:
    shown = ", ".join(paths[:_PATHS_SHOWN]) + (", ..." if len(paths) > _PATHS_SHOWN else "")
    return Refusal(
        Code.GUARDRAIL_BLOCKED,
        f"Rule {rule_id} refuses parts that cannot be read: {shown}.",
        rule_id=rule_id,
        reason="unscanned parts",
    )


def case_of(
    request: Request,
    hook: Hook,
    selection: Selection,
    answer: Mapping[str, Any] | None = None,
    asked: tuple[Passage, ...] = (),
) -> Case:
    """What the hook's guardrails are told; little is put together where none of them asks."""
    vault = _vault(request, hook) if selection.keyed else Vault(b"")
    if not selection.asks and not selection.checks:
        return Case(hook, vault=vault)
    assert request.call is not None
    return Case(
        hook, scene_of(request), vault, request.world.asker, asked, _shown(request), answer,
        request.call.unscanned,
    )  # fmt: skip


def _shown(request: Request) -> Mapping[str, Any]:
    """The body as JSON: of a form, its fields without its files."""
    assert request.caller is not None
    if request.caller.body == "json":
        return request.body
    return {key: value for key, value in request.body.items() if type(value) is not dict}


def _vault(request: Request, hook: Hook) -> Vault:
    """The input's placeholders come back in the answer; those of an answer stay."""
    vault = Vault(tenant_key(request.world.pseudonym_key, _tenant(request)))
    if hook == "llm_input":
        request.pseudonyms = vault.known
    return vault


def _tenant(request: Request) -> str:
    """A team, else one caller; and a tenant of theirs, where their metadata names one."""
    who = request.principal
    assert who is not None
    owner = f"team:{who.team}" if who.team else f"{who.type}:{who.name}"
    return f"{owner}\0{request.metadata.get('tenant_id', '')}"


def scene_of(request: Request) -> Scene:
    who, call = request.principal, request.call
    assert who is not None and call is not None
    return Scene(
        decision_id=request.record.decision_id,
        principal={"type": who.type, "name": who.name, "team": who.team or "", "key": who.key},
        subjects=who.subjects,
        metadata=request.metadata,
        environment=environment(request),
        operation=call.operation,
        dialect=request.family,
        models=request.model_names,
        traceparent=request.record.trace.traceparent if request.record.trace else "",
        internal=who.internal,
    )


def environment(request: Request) -> str:
    """The gateway's own, else the one the call states."""
    own = request.world.config.gateway.environment
    return own or request.metadata.get("environment", "")


# --- the way back ---------------------------------------------------------------------------


def asked(request: Request) -> tuple[Passage, ...]:
    """The request's texts, as the provider got them."""
    assert request.caller is not None
    return passages_of(request.caller.request_texts(request.body))


@dataclass(frozen=True, slots=True)
class OutputHook:
    """What the output hook of one call works with. `tally` knows who could not even begin."""

    selection: Selection
    case: Case
    tally: Tally


def output_of(request: Request, answer: Mapping[str, Any] | None = None) -> OutputHook:
    """The output hook's guardrails, bound to this call's own texts where they need them."""
    selection = request.guards.output
    texts: tuple[Passage, ...] = ()
    faults: Mapping[Gate, Fault] = {}
    if selection.bound or selection.asks or selection.checks:
        texts = asked(request)
        selection, faults = bind(selection, texts)
    tally = Tally(selection)
    for gate, fault in faults.items():
        tally.fail((gate,), fault)
    return OutputHook(selection, case_of(request, "llm_output", selection, answer, texts), tally)


def output_hook(
    request: Request, slots: Iterable[TextSlot], answer: Mapping[str, Any] | None
) -> HookRun:
    """The output hook over a whole body."""
    output = output_of(request, answer)
    request.output_hook = HookRun(output.selection, slots, output.case, output.tally)
    return request.output_hook


def revealing(request: Request) -> Selection | None:
    """What puts the caller's own values back in the answer; None when nothing was taken out."""
    if not request.pseudonyms:
        return None
    scans = ((Revealer(request.pseudonyms), None),)
    return arrange([Gate("", "mutate", "enforce", type=REVEAL, scans=scans)])


def reveal(request: Request, slots: Iterable[TextSlot]) -> bool:
    """Put them back in a whole body; whether anything was."""
    selection = revealing(request)
    if selection is None:
        return False
    hook = HookRun(selection, slots, Case("llm_output"))
    hook.look()
    return hook.tally.changed


def late_refusal(request: Request) -> Refusal | None:
    """What judges that began with the call have said by now."""
    hook = request.input_hook
    if hook is None or not hook.refuses:
        return None
    request.record.input_guard = hook.result()
    return refusal_of(request.record.input_guard)
