"""The corpus: documents with labels, ham without, placeholders that count neither way.

Deterministic: one seed, one corpus, whatever the version of the detectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from bench.guardrail_quality.credentials import CREDENTIALS, URLS, url_secret
from bench.guardrail_quality.drafts import REGISTERS, Document, Draft, bare
from bench.guardrail_quality.europe import EUROPE_WEST
from bench.guardrail_quality.europe_east import EUROPE_EAST
from bench.guardrail_quality.ham import HAM, PLACEHOLDERS
from bench.guardrail_quality.kind import Kind, kind
from bench.guardrail_quality.money import MONEY
from bench.guardrail_quality.papers import mrn
from bench.guardrail_quality.person import PERSON
from bench.guardrail_quality.words import FAMILY, FILLER, GIVEN
from bench.guardrail_quality.world import WORLD, us_ssn

PERSONAL: tuple[Kind, ...] = (*EUROPE_WEST, *EUROPE_EAST, *WORLD, *MONEY, *PERSON)
SEED = 20_261_121


def personal(rng: Random, rounds: int) -> Iterator[Document]:
    """Every kind once as the first of a document, `rounds` times, with company of its language."""
    for _ in range(rounds):
        for first in PERSONAL:
            near = [k for k in PERSONAL if k.language == first.language and k.label != first.label]
            company = rng.sample(near or list(PERSONAL), min(3, len(near)) or 2)
            yield rng.choice(REGISTERS)(rng, (first, *company))


def unnamed(rng: Random, rounds: int, kinds: Sequence[Kind]) -> Iterator[Document]:
    for _ in range(rounds):
        for one in kinds:
            yield bare(rng, (one,))


def credentials(rng: Random, rounds: int) -> Iterator[Document]:
    for _ in range(rounds):
        for first in CREDENTIALS:
            yield rng.choice(REGISTERS)(rng, (first, *rng.sample(CREDENTIALS, 2)))
        for label, before, after in URLS:
            draft = Draft(rng.choice(("", f"{rng.choice(FILLER)}\n", "env:\n  - ")) + before)
            secret = partial(url_secret, label=label)
            draft.value(kind(label, secret, label, also="URL_PASSWORD PASSWORD TOKEN"), secret(rng))
            draft.add(after + rng.choice(("", "\n", f"\n{rng.choice(FILLER)}")))
            yield draft.done("url")


_HL7 = (
    (
        "MSH|^~\\&|LAB|WEST|EHR|EAST|202611{n}0941||ORU^R01|MSG{n}|P|2.5.1\rPID|1||",
        "MEDICAL_RECORD",
    ),
    ("^^^WEST^MR||{family}^{given}^A||", "DATE_OF_BIRTH"),
    ("|F|||", "ADDRESS"),
    ("||", "PHONE"),
    ("|||S||", ""),
    ("|", "US_SSN"),
)


def hl7(rng: Random, rounds: int) -> Iterator[Document]:
    """HL7 version 2.5.1: PID-3, PID-7, PID-11, PID-13, PID-19. What names a value is its place."""
    for _ in range(rounds):
        draft, n = Draft(), rng.randint(10, 28)
        for before, label in _HL7:
            draft.add(before.format(n=n, family=rng.choice(FAMILY), given=rng.choice(GIVEN)))
            match label:
                case "MEDICAL_RECORD":
                    text = mrn(rng)
                case "DATE_OF_BIRTH":
                    text = (
                        f"19{rng.randint(40, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
                    )
                case "ADDRESS":
                    street = f"{rng.randint(1, 900)} {rng.choice(FAMILY)} ST"
                    text = f"{street}^^DENVER^CO^80{rng.randint(100, 999)}"
                case "PHONE":
                    area, office = rng.randint(201, 989), rng.randint(201, 989)
                    text = f"({area}){office}-{rng.randint(1000, 9999)}"
                case "US_SSN":
                    text = us_ssn(rng)
                case _:
                    continue
            draft.value(kind(label, us_ssn, label), text, "place")
        draft.add("\rOBX|1|NM|2345-7^GLUCOSE^LN||98|mg/dL|70-105|N|||F\r")
        yield draft.done("hl7")


def ham(rng: Random, rounds: int) -> Iterator[Document]:
    for _ in range(rounds):
        for make in HAM:
            yield Document(make(rng), make.__name__)


def placeholders() -> Iterator[Document]:
    for text in PLACEHOLDERS:
        yield Document(f"Example: {text}", "placeholder", (), ((9, 9 + len(text)),))


def corpus(rounds: int = 12, seed: int = SEED) -> list[Document]:
    """All documents. The kinds of each part are drawn from generators of their own."""
    alone = [one for one in PERSONAL if one.alone]
    return [
        *personal(Random(f"{seed}/personal"), rounds),
        *unnamed(Random(f"{seed}/unnamed"), max(1, rounds // 2), alone),
        *credentials(Random(f"{seed}/credentials"), rounds),
        *unnamed(Random(f"{seed}/keys"), max(1, rounds // 2), [k for k in CREDENTIALS if k.alone]),
        *hl7(Random(f"{seed}/hl7"), rounds * 2),
        *ham(Random(f"{seed}/ham"), rounds * 4),
        *placeholders(),
    ]
