"""The measurement as Markdown: totals beside the rivals, every kind, misses and false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.guardrail_quality.injection.attempts import Verdicts
from bench.guardrail_quality.matching import Case, Count, Score

WORST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One detector over one set of kinds."""

    name: str
    about: str
    count: Count

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "about": self.about, **counted(self.count)}


def counted(count: Count) -> dict[str, float]:
    return {
        "values": count.values, "findings": count.findings, "precision": count.precision,
        "recall": count.recall, "f1": count.f1, "any_label": count.any_label,
    }  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers_from: int = 1) -> str:
    marks = ["---"] * numbers_from + ["---:"] * (len(head) - numbers_from)
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(marks)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def share(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def totals(rows: Sequence[Row]) -> str:
    head = ("detector", "kinds", "values", "precision", "recall", "F1", "found under any label",
            "false alarms")  # fmt: skip
    return table(head, [
        (row.name, row.about, f"{row.count.values:,}", share(row.count.precision),
         share(row.count.recall), share(row.count.f1), share(row.count.any_label),
         f"{row.count.findings - row.count.right:,}")
        for row in rows
    ], 2)  # fmt: skip


def kinds(scores: Mapping[str, Score], labels: Sequence[str]) -> str:
    """Precision, recall and F1 of each label, detector beside detector."""
    head = ["kind", "values"] + [f"{name}: {what}" for name in scores for what in ("P", "R", "F1")]
    rows = []
    for label in labels:
        first = next(iter(scores.values())).by_label[label]
        cells: list[object] = [label, first.values]
        for score in scores.values():
            count = score.by_label[label]
            cells += [share(count.precision), share(count.recall), share(count.f1)]
        rows.append(cells)
    return table(head, rows)


def recalls(scores: Mapping[str, Score], labels: Sequence[str]) -> str:
    """Only recall: for detectors whose labels are not ours."""
    head = ["kind", "values", *scores]
    rows = [
        [label, next(iter(scores.values())).by_label[label].values,
         *(share(score.by_label[label].recall) for score in scores.values())]
        for label in labels
    ]  # fmt: skip
    return table(head, rows)


def by_name(scores: Mapping[str, Score]) -> str:
    """Recall by where the value's name stands."""
    places = ("beside", "column", "place", "nowhere")
    rows = []
    for name, score in scores.items():
        counts = [score.by_name[place] for place in places]
        rows.append([name, *(f"{share(c.recall)} of {c.values:,}" for c in counts)])
    return table(("detector", "name beside it", "in the column's head", "by its place (HL7)",
                  "no name"), rows)  # fmt: skip


def worst(cases: Sequence[Case], most: int = WORST) -> str:
    """The commonest labels among misses or alarms, with their registers and an example."""
    rows = []
    for label, count in Counter(case.label for case in cases).most_common(most):
        here = [case for case in cases if case.label == label]
        where = Counter(case.about for case in here).most_common(3)
        rows.append((label, count, ", ".join(f"{n} {about}" for about, n in where), shown(here[0])))
    return table(("kind", "number", "most of them in", "for example"), rows)


def shown(case: Case) -> str:
    """One example, with its middle left out where it is long: no vector of ours is quoted whole."""
    text = " ".join(case.text.split()).replace("|", "\\|")
    return f"`{text if len(text) <= 20 else f'{text[:12]}…{text[-4:]}'}`"


def families(verdicts: Verdicts) -> str:
    rows = [
        (family, number, verdicts.found[family], share(verdicts.found[family] / number))
        for family, number in verdicts.attacks.items()
    ]
    return table(("family of attack", "attempts", "found", "recall"), rows)


def looks(verdicts: Verdicts) -> str:
    rows = [(kind, n, verdicts.refused[kind]) for kind, n in verdicts.benign.items()]
    return table(("benign look-alikes", "texts", "refused"), rows)
