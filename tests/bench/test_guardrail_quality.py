"""`bench.guardrail_quality`: its corpus is what it says, and its arithmetic is right."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from bench.guardrail_quality import arithmetic, ours
from bench.guardrail_quality.corpus import PERSONAL, corpus
from bench.guardrail_quality.credentials import CREDENTIALS, URLS
from bench.guardrail_quality.drafts import Document, Label
from bench.guardrail_quality.injection.attempts import DISGUISES, Attempt, attempts, judge
from bench.guardrail_quality.kind import only, parts
from bench.guardrail_quality.mapping import DETECT_SECRETS, PRESIDIO, SHARED_SECRETS
from bench.guardrail_quality.matching import Finding, score
from bench.guardrail_quality.money import bech32, card, iban
from bench.guardrail_quality.rivals import run
from extproc.config.pii_settings import PII_KINDS
from extproc.config.secrets_settings import SECRET_KINDS
from extproc.guardrails.detectors import secrets
from extproc.guardrails.values import Span

PII_LABELS = {label for labels in PII_KINDS.values() for label in labels}
SECRET_LABELS = {label for labels in SECRET_KINDS.values() for label in labels}
SMALL = corpus(1)


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (arithmetic.luhn("7992739871"), "3"),  # the textbook's example
        (arithmetic.mod_97_10("WEST12345698765432GB"), "82"),  # the IBAN registry's
        (arithmetic.mod_11_10("8609574271"), "9"),  # the tax office's
        (arithmetic.verhoeff("236"), "3"),
        (arithmetic.ean("400638133393"), "1"),
        (bech32("bc", bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6"), 0),
         "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),  # BIP 173
    ],
)  # fmt: skip
def test_check_digits_are_the_published_ones(made: str, known: str) -> None:
    """P3: the corpus is made from the standards: their own examples come out."""
    assert made == known


def test_values_keep_their_standard() -> None:
    """P3: IBANs have the registry's rest, cards pass Luhn, whatever the seed."""
    rng = Random(7)
    for _ in range(200):
        text = iban(rng).replace(" ", "")
        assert int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
        number = re.sub("[ -]", "", card(rng))
        assert arithmetic.luhn(number[:-1]) == number[-1]


def test_one_seed_is_one_corpus() -> None:
    """P3: two runs measure the same texts; another seed makes others."""
    assert corpus(1) == SMALL
    assert corpus(1, seed=2) != SMALL


def test_labels_stand_over_their_values() -> None:
    """P3: spans are in order, inside the text, and no mark of the maker is left."""
    for document in SMALL:
        assert "\x1f" not in document.text
        end = 0
        for label in document.labels:
            assert end <= label.start < label.end <= len(document.text)
            assert document.text[label.start : label.end].strip()
            end = label.end


def test_ham_has_no_values_and_many_kinds() -> None:
    """P3: there is text in which every alarm is false, of more than a dozen kinds."""
    ham = {document.about for document in SMALL if not document.labels}
    assert len(ham) >= 15


def test_every_kind_of_ours_is_known() -> None:
    """P3: a label that the detectors do not have could never be found right."""
    assert {kind.label for kind in PERSONAL} <= PII_LABELS
    assert set(PRESIDIO.values()) <= PII_LABELS
    assert {kind.label for kind in CREDENTIALS} | {label for label, _, _ in URLS} <= SECRET_LABELS


def test_every_kind_of_personal_data_is_in_the_corpus() -> None:
    """P3: what a detector claims to find is measured."""
    assert PII_LABELS - {kind.label for kind in PERSONAL} == set()
    assert len(SHARED_SECRETS) > 15 and len(DETECT_SECRETS) > 20


def test_no_file_of_the_bench_holds_a_credential() -> None:
    """House rule: vectors are put together at run time."""
    detector = secrets.build({"entropy": False})
    folder = Path(run.HERE).parent
    for path in (*folder.rglob("*.py"), *folder.glob("*.txt"), *folder.glob("injection/*.txt")):
        found = detector.find(path.read_text())
        assert [span.label for span in found if "PASSWORD" not in span.label] == [], path.name


def test_only_the_marked_part_is_a_value() -> None:
    """P3: of a connection string the key alone has to be found."""
    assert parts(only("Key=", "abc", ";x")) == ("Key=", "abc", ";x")
    assert parts("abc") == ("", "abc", "")


# --- matching ------------------------------------------------------------------------------------


def document(text: str = "mail a@b.io now", *labels: Label, ignore: bool = False) -> Document:
    spans = ((5, 11),) if ignore else ()
    return Document(text, "chat", labels, spans)


EMAIL = Label(5, 11, "EMAIL", frozenset(("EMAIL",)))


@pytest.mark.parametrize(
    ("finding", "found", "covered", "right"),
    [
        (Finding(5, 11, "EMAIL"), 1, 1, 1),
        (Finding(0, 8, "EMAIL"), 1, 1, 1),  # half of it
        (Finding(0, 7, "EMAIL"), 0, 0, 1),  # less than half, but not false either
        (Finding(5, 11, "PHONE"), 0, 1, 0),  # another label: redacted, and named wrongly
        (Finding(0, 4, "EMAIL"), 0, 0, 0),
    ],
)
def test_a_value_is_found_when_half_of_it_is_covered(
    finding: Finding, found: int, covered: int, right: int
) -> None:
    """P3: the definition of a match, at its edges."""
    total = score([document("mail a@b.io now", EMAIL)], [[finding]], lambda v: True).total()
    assert (total.values, total.found, total.covered) == (1, found, covered)
    assert (total.findings, total.right) == (1, right)


def test_alarms_in_ham_are_false_and_placeholders_count_neither_way() -> None:
    """P3: an alarm where nothing is lowers precision; a documentation value does not."""
    alarm = [[Finding(5, 11, "EMAIL")]]
    plain = score([document()], alarm, lambda v: True)
    assert plain.total().precision == 0 and plain.ham == {"chat": 1}
    ignored = score([document(ignore=True)], alarm, lambda v: True)
    assert ignored.total().findings == 0


def test_what_a_detector_is_not_asked_for_counts_neither_way() -> None:
    """P3: a rival is not blamed for kinds it does not have, and not for finding them."""
    found = score([document("x", EMAIL)], [[Finding(5, 11, "EMAIL")]], lambda v: False).total()
    assert (found.values, found.findings) == (0, 0)


def test_f1_is_the_harmonic_mean() -> None:
    """P3: one of two found, one of two right: a half."""
    texts = [document("mail a@b.io now", EMAIL), document("mail a@b.io now", EMAIL)]
    total = score(
        texts, [[Finding(5, 11, "EMAIL")], [Finding(0, 3, "EMAIL")]], lambda v: True
    ).total()
    assert (total.precision, total.recall, total.f1) == (0.5, 0.5, 0.5)


# --- our detectors, on a small corpus ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "config", "precision", "recall"),
    [("pii", {"categories": ["ALL"]}, 0.85, 0.6), ("secrets", {}, 0.97, 0.8)],
)
def test_quality_does_not_fall(
    kind: str, config: dict[str, object], precision: float, recall: float
) -> None:
    """P3: far below what was measured (docs/guardrails.md), so that only a defect fails here."""
    texts = [one.text for one in SMALL]
    ids = {one.label for one in PERSONAL}
    total = score(
        SMALL, ours.found(ours.detector(kind, config), texts),
        lambda v: (v.kind in ids) == (kind == "pii"), labelled=kind == "pii",
    ).total()  # fmt: skip
    assert total.precision > precision and total.recall > recall


# --- prompt injection ----------------------------------------------------------------------------


def test_the_held_out_set_is_large_and_mixed() -> None:
    """P3: attacks in families and languages, more look-alikes than that, no text twice."""
    tried = attempts()
    plain = [a for a in tried if a.attack and ":" not in a.family and "," not in a.family]
    benign = [a for a in tried if not a.attack]
    assert len(plain) >= 80 and len(benign) >= 120
    assert len({a.family for a in plain}) >= 7 and len({a.language for a in plain}) >= 10
    assert len({a.text for a in plain + benign}) == len(plain + benign)
    assert len(DISGUISES) >= 12


class Says:
    """A detector that finds the same place in every text."""

    def __init__(self, start: int, end: int) -> None:
        self.span = Span(start, end, "X")

    def find(self, text: str) -> list[Span]:
        return [self.span]


def test_an_attack_in_a_long_text_is_found_where_it_stands() -> None:
    """P3: a finding in the text around it is no success; in a benign text it is an error."""
    tried = [Attempt("override, in long text", "en", "x" * 50, True, 20, 30),
             Attempt("work", "en", "y" * 50, False)]  # fmt: skip
    beside, inside = (judge(tried, *[Says(*p)] * 2) for p in ((0, 10), (25, 26)))  # type: ignore[arg-type]
    assert (beside.recall, beside.refused.total()) == (0, 1)
    assert (inside.recall, inside.precision) == (1, 0.5)


# --- the rivals ----------------------------------------------------------------------------------


def test_the_rivals_are_pinned() -> None:
    """House rule: every version with its hashes, no address of an index, no model."""
    lines = run.REQUIREMENTS.read_text().splitlines()
    pins = [line for line in lines if re.match(r"^[A-Za-z0-9]", line)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==\S+ \\", pin) for pin in pins)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)
    assert not [line for line in lines if "://" in line or line.startswith("-")]
    names = {pin.partition("==")[0] for pin in pins}
    assert {"presidio-analyzer", "detect-secrets"} <= names
    assert not [name for name in names if name.startswith(("en-core", "torch", "transformers"))]
