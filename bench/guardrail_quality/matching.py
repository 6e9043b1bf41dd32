"""When a finding is right, and what follows: precision, recall and F1.

A value is found when findings with a right label cover at least half of its characters. A finding
is right when it overlaps a value that accepts its label; otherwise it is a false alarm, save
where the document says that an alarm counts neither way. `any label` asks only whether the value
is covered: what matters when it is redacted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from bench.guardrail_quality.drafts import Document, Label

SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    start: int
    end: int
    label: str


Findings = Sequence[Sequence[Finding]]
"""One list per document."""


@dataclass(slots=True)
class Count:
    """Of one label or of all: values and those found, findings and those right."""

    values: int = 0
    found: int = 0
    covered: int = 0
    findings: int = 0
    right: int = 0

    def add(self, other: Count) -> None:
        self.values += other.values
        self.found += other.found
        self.covered += other.covered
        self.findings += other.findings
        self.right += other.right

    @property
    def precision(self) -> float:
        return self.right / self.findings if self.findings else float("nan")

    @property
    def recall(self) -> float:
        return self.found / self.values if self.values else float("nan")

    @property
    def any_label(self) -> float:
        return self.covered / self.values if self.values else float("nan")

    @property
    def f1(self) -> float:
        if not self.findings or not self.values:
            return 0.0 if self.values or self.findings else float("nan")
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """An example for the report: a value that was missed, or a finding that was false."""

    label: str
    about: str
    text: str
    around: str
    named: str = ""


@dataclass(slots=True)
class Score:
    by_label: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    misses: list[Case] = field(default_factory=list)
    alarms: list[Case] = field(default_factory=list)
    by_name: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    """Where values are named -> values and those found."""
    ham: Counter[str] = field(default_factory=Counter)
    """Kind of ham -> false alarms in it."""

    def total(self, labels: Collection[str] | None = None) -> Count:
        whole = Count()
        for label, count in self.by_label.items():
            if labels is None or label in labels:
                whole.add(count)
        return whole


def covered(value: Label, findings: Iterable[Finding]) -> bool:
    """Whether half of the value's characters lie in the findings."""
    seen: set[int] = set()
    for one in findings:
        seen.update(range(max(one.start, value.start), min(one.end, value.end)))
    return len(seen) >= SHARE * (value.end - value.start)


def overlaps(finding: Finding, start: int, end: int) -> bool:
    return finding.start < end and start < finding.end


def case(document: Document, label: str, start: int, end: int, named: str = "") -> Case:
    around = document.text[max(0, start - 40) : end + 25]
    return Case(label, document.about, document.text[start:end], around, named)


def score(
    documents: Sequence[Document],
    findings: Findings,
    counts: Callable[[Label], bool],
    labelled: bool = True,
) -> Score:
    """`counts`: which values the detector under test is asked to find; others are no values.

    Not `labelled`: any label is right, as long as it stands over a value that counts.
    """
    result = Score()
    for document, found in zip(documents, findings, strict=True):
        wanted = [value for value in document.labels if counts(value)]
        _values(result, document, found, wanted, labelled)
        _findings(result, document, found, wanted, labelled)
    return result


def _values(
    result: Score,
    document: Document,
    found: Sequence[Finding],
    wanted: Sequence[Label],
    labelled: bool,
) -> None:
    for value in wanted:
        count, place = result.by_label[value.kind], result.by_name[value.named]
        count.values += 1
        place.values += 1
        near = [one for one in found if overlaps(one, value.start, value.end)]
        seen = covered(value, near)
        right = covered(value, (f for f in near if f.label in value.accepted)) if labelled else seen
        count.found += right
        place.found += right
        count.covered += seen
        if not right:
            result.misses.append(case(document, value.kind, value.start, value.end, value.named))


def _findings(
    result: Score,
    document: Document,
    found: Sequence[Finding],
    wanted: Sequence[Label],
    labelled: bool,
) -> None:
    for one in found:
        near = [value for value in document.labels if overlaps(one, value.start, value.end)]
        accepting = [v for v in near if one.label in v.accepted or (not labelled and v in wanted)]
        ignored = any(overlaps(one, *span) for span in document.ignore)
        if ignored or (accepting and not any(value in wanted for value in accepting)):
            continue
        count = result.by_label[one.label]
        count.findings += 1
        count.right += bool(accepting)
        if not accepting:
            result.alarms.append(case(document, one.label, one.start, one.end))
            if not document.labels:
                result.ham[document.about] += 1
