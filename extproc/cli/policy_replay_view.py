"""What `envelope policy replay` shows people: counts, tables and examples, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from extproc.audit.spend import usd
from extproc.replay.changes import KINDS, Changes, Sums
from extproc.replay.recorded import REASONS, Reason

if TYPE_CHECKING:
    from extproc.replay.again import Report

DIFFERENCES_SHOWN = 10
ROWS_SHOWN = 20
NOTHING = "no recorded call fits: there is nothing to decide again"


def show_again(report: Report) -> None:
    """`N of N decisions are the same`, and what is not."""
    if not report.calls:
        _say(NOTHING)
        return
    _say(f"{report.same} of {report.decided} decisions are the same")
    for name, (decided, same) in report.parts.items():
        _say(f"  {name:<12} {same} of {decided}")
    _left_out(report.left_out, report.calls)
    for one in report.differences[:DIFFERENCES_SHOWN]:
        _say(f"  {one.decision_id} {one.path}: recorded {one.recorded}, now {one.now}")
    if report.differing and len(report.differences) > DIFFERENCES_SHOWN:
        _say("  ... (--json has more)")


def show_changes(changes: Changes) -> None:
    """What would change, for whom, and what it would cost."""
    if not changes.calls:
        _say(NOTHING)
        return
    _say(f"{changes.changed} of {changes.decided} calls would change")
    for kind, text in KINDS.items():
        if changes.all.kinds[kind]:
            _say(f"  {changes.all.kinds[kind]:>7} {text}")
    _money(changes.all)
    for title, table in (("team", changes.by_team), ("model", changes.by_model),
                         ("rule", changes.by_rule)):  # fmt: skip
        if table:
            _table(title, table)
    for kind, found in changes.examples.items():
        _say(f"examples: {KINDS[kind]}")
        for one in found:
            unjudged = f"; not judged: {', '.join(one.unjudged)}" if one.unjudged else ""
            _say(f"  {one.decision_id} {one.model}: {one.before} -> {one.after}{unjudged}")
    _left_out(changes.left_out, changes.calls)
    _caveats(changes)


def _money(sums: Sums) -> None:
    if sums.exact_nano_usd or not sums.estimated_nano_usd:
        _say(f"cost: {_usd(sums.exact_nano_usd)} (exact: recorded costs that would not be)")
    if sums.estimated_nano_usd:
        _say(f"cost: {_usd(sums.estimated_nano_usd)} (estimated: calls served otherwise, or newly)")
    if sums.unknown:
        _say(f"cost: not known for {sums.unknown} calls (no call of their model was served)")


def _table(title: str, table: Mapping[str, Sums]) -> None:
    rows: list[Sequence[str]] = [
        (f"by {title}", "refused", "allowed", "other", "exact", "estimated")
    ]
    ranked = sorted(table.items(), key=lambda row: (-sum(row[1].kinds.values()), row[0]))
    for name, sums in ranked[:ROWS_SHOWN]:
        refused, allowed = sums.kinds["newly_refused"], sums.kinds["newly_allowed"]
        other = sum(sums.kinds.values()) - refused - allowed
        rows.append((name, str(refused), str(allowed), str(other), _usd(sums.exact_nano_usd),
                     _usd(sums.estimated_nano_usd)))  # fmt: skip
    wide = max(len(row[0]) for row in rows)
    for row in rows:
        _say(f"{row[0]:<{wide}}  " + "  ".join(f"{cell:>12}" for cell in row[1:]))


def _left_out(left_out: Mapping[Reason, int], calls: int) -> None:
    total = sum(left_out.values())
    if total:
        _say(f"{total} of {calls} calls cannot be decided again:")
    for reason, count in sorted(left_out.items(), key=lambda one: -one[1]):
        _say(f"  {count:>7} {REASONS[reason]}")


def _caveats(changes: Changes) -> None:
    if changes.decided:
        agreed = f"{changes.as_recorded} of {changes.decided}"
        _say(f"Before the change the replay decides {agreed} calls as the log has them.")
    _say(
        "Simulated: budgets, rate limits, concurrency. Assumed: another model uses as many tokens."
    )
    if changes.rerouted:
        _say(f"Routed anew, by a draw of their own: {changes.rerouted} calls.")
    if changes.unjudged:
        names = ", ".join(f"{name} ({n})" for name, n in changes.unjudged.most_common(10))
        _say(f"Did not look at calls that would change, and might refuse them: {names}.")


def _usd(nano: int) -> str:
    return f"{'+' if nano > 0 else ''}{usd(nano)} USD" if nano else "0 USD"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
