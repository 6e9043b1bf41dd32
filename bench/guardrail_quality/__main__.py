"""Precision, recall and F1 of the `pii`, `secrets` and `prompt-injection` guardrails.

    python -m bench.guardrail_quality [--rounds 12] [--seed N] [--no-rivals] [--kinds] [--json FILE]

One labelled corpus, generated from a seed and from the published standards (never from a
detector's own patterns): values of some 95 kinds of personal data and 75 kinds of credential in
chats, mails, forms, CSV, JSON, logs, code, tables, Markdown, HL7 and URLs, and ham that looks
like them. In the same run Presidio's pattern recognizers (no model) and detect-secrets look at
the same texts; they run in a virtual environment of their own in .bench/ (about 400 MB, made when
it is first needed).

A value is found when findings with its label cover half of its characters; a finding is false
when it overlaps no value that accepts its label. Secrets count under any label, ours and theirs,
because detect-secrets has few labels. Rivals are scored on the kinds they have; Presidio at the
score threshold, detect-secrets with the file name, that gives it the best F1. Values that
standards reserve for documentation (example.com, 192.0.2.x, 555-01xx, test cards) count neither
way.

Prompt injection is judged by a set of its own: attacks in families and languages, fifteen
disguises, attacks inside long texts, and benign look-alikes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.guardrail_quality import ours, report
from bench.guardrail_quality.corpus import PERSONAL, SEED, corpus
from bench.guardrail_quality.drafts import Document, Label
from bench.guardrail_quality.injection.attempts import Verdicts, attempts, judge
from bench.guardrail_quality.mapping import SHARED_PERSONAL, SHARED_SECRETS
from bench.guardrail_quality.matching import Score, score
from bench.guardrail_quality.rivals.run import CannotRun, detect_secrets, installed, presidio
from extproc.config.pii_settings import DEFAULT_LABELS

_PERSONAL = frozenset(kind.label for kind in PERSONAL)
THRESHOLDS = (0.0, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8)
FILE_NAMES = ("text", "text.yaml")


def personal(value: Label) -> bool:
    return value.kind in _PERSONAL


def by_default(value: Label) -> bool:
    return value.kind in DEFAULT_LABELS


def secret(value: Label) -> bool:
    return value.kind not in _PERSONAL


def shared(value: Label) -> bool:
    return value.kind in SHARED_PERSONAL


@dataclass(slots=True)
class Result:
    rows: list[report.Row] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    injection: Verdicts | None = None

    def add(
        self, name: str, about: str, found: Score, labels: frozenset[str] | None = None
    ) -> None:
        self.rows.append(report.Row(name, about, found.total(labels)))


def look(documents: Sequence[Document], rivals: bool) -> Result:
    result, texts = Result(), [document.text for document in documents]
    said("our detectors")
    found = ours.found(ours.detector("pii", {"categories": ["ALL"]}), texts)
    result.scores["pii"] = score(documents, found, personal)
    result.add("pii, all kinds", "all", result.scores["pii"])
    plain = score(documents, ours.found(ours.detector("pii", {}), texts), by_default)
    result.add("pii, as it is without `categories`", "its own", plain)
    result.add("pii, all kinds", "shared with Presidio", result.scores["pii"], SHARED_PERSONAL)
    if rivals:
        tried("Presidio", lambda: _presidio(result, documents, texts))
    keys = ours.found(ours.detector("secrets", {}), texts)
    result.scores["secrets"] = score(documents, keys, secret, labelled=False)
    result.add("secrets", "all", result.scores["secrets"])
    result.add("secrets, its label must be right", "all", score(documents, keys, secret))
    if rivals:
        tried("detect-secrets", lambda: _detect_secrets(result, documents, texts))
    said("prompt injection")
    result.injection = judge(attempts(), *ours.injection())
    return result


def _presidio(result: Result, documents: Sequence[Document], texts: Sequence[str]) -> None:
    answers = presidio(installed(), texts)
    tried = {
        least: score(documents, [[f for f, s in one if s >= least] for one in answers], shared)
        for least in THRESHOLDS
    }
    least, best = max(tried.items(), key=lambda pair: pair[1].total().f1)
    result.scores["Presidio"] = best
    result.add(f"Presidio's patterns, score from {least}", "shared with Presidio", best)
    result.notes.append("Presidio's F1 by threshold: " + ", ".join(
        f"{least} {one.total().f1:.3f}" for least, one in tried.items()))  # fmt: skip


def _detect_secrets(result: Result, documents: Sequence[Document], texts: Sequence[str]) -> None:
    tried = {
        name: score(documents, detect_secrets(installed(), texts, name), secret, labelled=False)
        for name in FILE_NAMES
    }
    name, best = max(tried.items(), key=lambda pair: pair[1].total().f1)
    result.scores["detect-secrets"] = best
    result.add(f"detect-secrets, as `{name}`", "all", best)
    for who in ("secrets", "detect-secrets"):
        count = result.scores[who].total(SHARED_SECRETS)
        result.notes.append(f"{who}, recall on the kinds detect-secrets names: {count.recall:.3f}"
                            f" of {count.values:,}")  # fmt: skip


def tried(what: str, work: Any) -> None:
    said(what)
    try:
        work()
    except (CannotRun, OSError) as error:
        print(f"\n*** NOT COMPARED: {what}: {error}\n", file=sys.stderr)


def said(what: str) -> None:
    print(f"measuring {what} ...", file=sys.stderr)


def markdown(result: Result, documents: Sequence[Document], every_kind: bool, seed: int) -> str:
    pii, secrets = result.scores["pii"], result.scores["secrets"]
    values = sum(len(document.labels) for document in documents)
    parts = [
        f"{len(documents):,} documents, {values:,} values, seed {seed}.",
        report.totals(result.rows), *result.notes, "### Where the name stands",
        report.by_name({"pii": pii, "secrets": secrets}),
    ]  # fmt: skip
    if every_kind:
        parts += _kinds(result)
    parts += [
        "### Personal data: most missed", report.worst(_named(pii)),
        "### Personal data: false alarms", report.worst(pii.alarms),
        f"In text without any value: {dict(pii.ham)}",
        "### Secrets: most missed", report.worst(_named(secrets)),
        "### Secrets: false alarms", report.worst(secrets.alarms) if secrets.alarms else "None.",
    ]  # fmt: skip
    if (verdicts := result.injection) is not None:
        parts += [
            "### Prompt injection",
            f"Precision {verdicts.precision:.3f}, recall {verdicts.recall:.3f},"
            f" F1 {verdicts.f1:.3f} over {verdicts.attacks.total()} attempts"
            f" and {verdicts.benign.total()} benign texts.",
            report.families(verdicts),
            report.looks(verdicts),
        ]
    return "\n\n".join(parts)


def _named(found: Score) -> list[Any]:
    """Misses that a look at the text around could have found."""
    return [case for case in found.misses if case.named != "column"]


def _kinds(result: Result) -> list[str]:
    pii, secrets = result.scores["pii"], result.scores["secrets"]
    both: dict[str, Score] = {
        name: result.scores[name] for name in ("pii", "Presidio") if name in result.scores
    }
    keys: dict[str, Score] = {
        n: result.scores[n] for n in ("secrets", "detect-secrets") if n in result.scores
    }
    common = sorted(SHARED_PERSONAL & pii.by_label.keys())
    alone = sorted(k for k in pii.by_label.keys() - SHARED_PERSONAL if pii.by_label[k].values)
    credentials = sorted(k for k, count in secrets.by_label.items() if count.values)
    return [
        "### Kinds that Presidio's patterns have too", report.kinds(both, common),
        "### Kinds that only we have", report.kinds({"pii": pii}, alone),
        "### Credentials, recall under any label", report.recalls(keys, credentials),
    ]  # fmt: skip


def as_json(result: Result) -> dict[str, Any]:
    verdicts = result.injection
    return {
        "totals": [row.as_json() for row in result.rows],
        "kinds": {
            name: {label: report.counted(count) for label, count in found.by_label.items()}
            for name, found in result.scores.items()
        },
        "notes": result.notes,
        "injection": None if verdicts is None else {
            "precision": verdicts.precision, "recall": verdicts.recall, "f1": verdicts.f1,
            "missed": [f"{a.family} [{a.language}] {a.text}" for a in verdicts.missed_texts],
            "refused": [f"{a.family} [{a.language}] {a.text}" for a in verdicts.refused_texts],
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.guardrail_quality", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=12, help="size of the corpus (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the corpus (%(default)s)")
    parser.add_argument("--no-rivals", action="store_true", help="our detectors alone")
    parser.add_argument("--kinds", action="store_true", help="also a row for every kind")
    parser.add_argument("--json", type=Path, help="also write everything here, all misses included")
    arguments = parser.parse_args()
    documents = corpus(arguments.rounds, arguments.seed)
    result = look(documents, rivals=not arguments.no_rivals)
    print(markdown(result, documents, arguments.kinds, arguments.seed))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(result), indent=2) + "\n")


if __name__ == "__main__":
    main()
