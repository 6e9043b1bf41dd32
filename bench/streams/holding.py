"""What each detector alone does to a stream: text it keeps waiting, CPU; no network, no Envoy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import thread_time

from bench.streams.callers import DETECTORS, SYSTEM
from extproc.config.model import Guardrail
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.gate import Gate
from extproc.guardrails.selection import Selection, arrange, bind
from extproc.guardrails.stream import StreamGuard
from extproc.guardrails.values import Passage
from extproc.llm.call import Frame, TextSlot

_STREAMS = 5


def alone(tokens: Sequence[str]) -> dict[str, dict[str, float]]:
    """Type -> `held` characters after a token on average, `held_most`, `token_us` of CPU."""
    gates = built(list(DETECTORS))
    found = {gate.type: streamed(selection([gate]), tokens) for gate in gates}
    return {**found, "all together": streamed(selection(gates), tokens)}


def built(kinds: Sequence[str]) -> list[Gate]:
    """Validating guardrails; building all of them takes some seconds."""
    documents = {
        f"g/{kind}": Guardrail.model_validate(
            {"name": kind, "type": kind, "config": DETECTORS[kind]}
        )
        for kind in kinds
    }
    return list(compile_guardrails(documents).values())


def selection(gates: Sequence[Gate]) -> Selection:
    """As the output hook of a call with a system prompt runs them."""
    return bind(arrange(gates), [Passage("messages[0].content", "system", SYSTEM)])[0]


def streamed(chosen: Selection, tokens: Sequence[str]) -> dict[str, float]:
    """The least CPU of some streams; what is held is the same in all of them."""
    best_s = float("inf")
    for _ in range(_STREAMS):
        began = thread_time()
        waiting = held(chosen, tokens)
        best_s = min(best_s, thread_time() - began)
    return {
        "held": sum(waiting) / len(waiting),
        "held_most": max(waiting),
        "token_us": best_s / len(tokens) * 1e6,
    }


def held(chosen: Selection, tokens: Sequence[str]) -> list[int]:
    """Characters that are in and not out, after each token."""
    guard = StreamGuard(chosen, _texts)
    waiting, seen = 0, []
    for token in tokens:
        left = guard.feed([Frame("", {"t": token}, token.encode())])
        waiting += len(token) - sum(len(frame.raw) for frame in left)
        seen.append(waiting)
    return seen


def _texts(frame: Frame) -> Iterator[TextSlot]:
    if frame.data is not None:
        yield TextSlot(frame.data, "t", "t", "assistant", "c")
