"""What a hook has seen so far, and the result that follows from it.

Promises: the strategy table has one home; findings are counted by place and label and never carry
text (P4); coverage counts only what every applicable detector really looked at, and who has not
judged yet is `pending`, never passed (P3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from extproc.guardrails.gate import Gate
from extproc.guardrails.selection import Selection
from extproc.guardrails.values import Fault, Finding, HookResult, Opinion, Outcome, Passage

_PLACEHOLDER = "{{guardrail_message}}"
_MESSAGE_MAX = 500
_Key = tuple[str, str, str]


class Tally:
    """Counts of one hook over one body or stream.

    | strategy | finding of a validate | finding of a mutate | guardrail fails |
    |---|---|---|---|
    | audit | recorded | recorded | error |
    | enforce | block | replaced | error, lets pass |
    | strict | block | replaced | refuses: `failed` |
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._counts: dict[_Key, int] = {}
        self._scores: dict[_Key, float] = {}
        self._said: dict[str, str] = {}
        self._faults: dict[str, Fault] = {}
        self._pending = {
            gate.selector
            for gates in (selection.checks, selection.first, selection.meanwhile,
                          selection.in_turn, selection.afterwards)
            for gate in gates
        }  # fmt: skip
        self._unsafe = ""
        self.changed = False
        self.texts = 0
        self.chars = 0

    def saw(self, gates: Iterable[Gate], label: str, path: str) -> None:
        for gate in gates:
            key = (gate.selector, label, path)
            self._counts[key] = self._counts.get(key, 0) + 1

    def heard(self, gate: Gate, opinion: Opinion, passages: Sequence[Passage]) -> None:
        """A check or a service has judged `passages`."""
        self._pending.discard(gate.selector)
        for remark in opinion.remarks:
            self.saw((gate,), remark.label, remark.path)
            if remark.score is not None:
                self._scores[gate.selector, remark.label, remark.path] = remark.score
        for index, span in opinion.spans:
            self.saw((gate,), span.label, passages[index].path)
        if opinion.message:
            self._said[gate.selector] = opinion.message[:_MESSAGE_MAX]

    def fail(self, gates: Iterable[Gate], fault: Fault = "defect") -> None:
        for gate in gates:
            self._pending.discard(gate.selector)
            self._faults[gate.selector] = fault

    def skip(self, gate: Gate) -> None:
        """There was nothing for it to judge."""
        self._pending.discard(gate.selector)

    def cannot_redact(self, gate: Gate) -> None:
        """A finding that cannot be replaced without breaking the text around it is a block."""
        self._unsafe = self._unsafe or gate.selector

    def covered(self, texts: int, chars: int) -> None:
        if not self._faults:
            self.texts += texts
            self.chars += chars

    def cover_at_least(self, texts: int, chars: int) -> None:
        """Whoever judges whole texts has read these."""
        self.texts, self.chars = max(self.texts, texts), max(self.chars, chars)

    @property
    def blocked_by(self) -> str:
        found = {selector for selector, _label, _path in self._counts}
        gates = self._selection.gates
        return next((g.selector for g in gates if g.blocks and g.selector in found), self._unsafe)

    @property
    def failed_by(self) -> str:
        gates = self._selection.gates
        failed = (gate for gate in gates if gate.selector in self._faults)
        return next((gate.selector for gate in failed if gate.strategy == "strict"), "")

    @property
    def refuses(self) -> bool:
        return bool(self._counts or self._faults or self._unsafe) and bool(
            self.blocked_by or self.failed_by
        )

    def result(self, overrun: bool = False) -> HookResult:
        """`overrun`: a stream held back more than its bound, which counts as a strict failure."""
        blocked_by = self.blocked_by
        failed = not blocked_by and bool(overrun or self.failed_by)
        gates = self._selection.gates
        if (blocked_by or failed) and not self.changed:  # nothing was mutated: say nothing of it
            gates = tuple(g for g in gates if not g.mutates or g.selector in self._told(blocked_by))
        return HookResult(
            blocked_by=blocked_by,
            failed=failed,
            message=self._message(blocked_by, failed, overrun),
            outcomes={gate.selector: self._outcome(gate) for gate in gates},
            faults=dict(self._faults),
            findings=self._findings(gates),
            changed=self.changed,
            scanned_texts=self.texts,
            scanned_chars=self.chars,
        )

    def _told(self, blocked_by: str) -> set[str]:
        return {blocked_by, *self._faults}

    def _outcome(self, gate: Gate) -> Outcome:
        if gate.selector in self._faults:
            return "error"
        if gate.selector == self._unsafe:
            return "block"
        if any(selector == gate.selector for selector, _label, _path in self._counts):
            return gate.outcome
        return "pending" if gate.selector in self._pending else "pass"

    def _findings(self, gates: Sequence[Gate]) -> tuple[Finding, ...]:
        known = {gate.selector for gate in gates}
        return tuple(
            Finding(*key, count, self._scores.get(key))
            for key, count in sorted(self._counts.items())
            if key[0] in known
        )

    def _message(self, blocked_by: str, failed: bool, overrun: bool) -> str:
        if blocked_by:
            labels = sorted({label for name, label, _p in self._counts if name == blocked_by})
            told = f"Guardrail {blocked_by} found {', '.join(labels)}."
            said = self._said.get(blocked_by, "")
            return self._custom(blocked_by, f"{told} {said}".rstrip())
        if not failed:
            return ""
        if not self.failed_by and overrun:
            return "The guardrails had to hold back too much of the stream."
        return self._custom(self.failed_by, f"Guardrail {self.failed_by} could not run.")

    def _custom(self, selector: str, default: str) -> str:
        custom = self._selection.messages.get(selector)
        return default if custom is None else custom.replace(_PLACEHOLDER, default)
