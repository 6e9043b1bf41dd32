# ruff: noqa: RUF001
"""The held-out set: attacks by family, disguised ones made from them, and benign look-alikes."""

from __future__ import annotations

import base64
import codecs
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from extproc.guardrails.values import Detector

HERE = Path(__file__).parent
_LOOK_ALIKE = str.maketrans("aceopxyiHBKM", "асеорхуіНВКМ")
_LEET = str.maketrans("aeiost", "431057")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}

DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64_twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "zero_width": lambda text: "\u200b".join(text),
    "look_alikes": lambda text: text.translate(_LOOK_ALIKE),
    "leet": lambda text: text.translate(_LEET),
    "spaced": lambda text: " ".join(text),
    "dotted": lambda text: ".".join(text),
    "full_width": lambda text: text.translate(_WIDE),
    "reversed": lambda text: text[::-1],
    "url_encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "tags": lambda text: "".join(chr(0xE0000 + ord(c)) if ord(c) < 128 else c for c in text),
    "soft_hyphens": lambda text: "\u00ad".join(text),
    "html": lambda text: "".join(f"&#{ord(c)};" for c in text),
}
_PER_DISGUISE = 6


@dataclass(frozen=True, slots=True)
class Attempt:
    """`family` of the attack, or the kind of a benign text. It stands at text[start:end]."""

    family: str
    language: str
    text: str
    attack: bool
    start: int = 0
    end: int = 1_000_000

    @property
    def from_a_tool(self) -> bool:
        return self.family.startswith("indirect")


def _read(name: str, attack: bool) -> list[Attempt]:
    found = []
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            family, language, text = (part.strip() for part in line.split(" | ", 2))
            found.append(Attempt(family, language, text.replace("\\n", "\n"), attack))
    return found


def _disguised(plain: Sequence[Attempt], rng: Random) -> list[Attempt]:
    ready = [a for a in plain if a.language == "en" and a.family in ("override", "leak")]
    return [
        Attempt(f"disguised: {name}", "en", make(one.text), True)
        for name, make in DISGUISES.items()
        for one in rng.sample(ready, _PER_DISGUISE)
    ]


def _in_company(one: Attempt, benign: Sequence[Attempt], rng: Random) -> Attempt:
    """An attack in the middle of ordinary text; only a finding that touches it counts."""
    before = "\n\n".join(b.text for b in rng.sample(benign, 6)) + "\n\n"
    after = "\n\n" + "\n\n".join(b.text for b in rng.sample(benign, 6))
    start = len(before)
    return Attempt(
        f"{one.family}, in long text", one.language, before + one.text + after, True,
        start, start + len(one.text),
    )  # fmt: skip


def attempts(seed: int = 41) -> list[Attempt]:
    """Attacks, disguised attacks, attacks in long texts, benign texts alone and in long texts."""
    rng = Random(seed)
    plain, benign = _read("attacks.txt", True), _read("benign.txt", False)
    long = [
        Attempt("thirteen in a row", "", "\n\n".join(b.text for b in rng.sample(benign, 13)), False)
        for _ in range(20)
    ]
    company = [_in_company(one, benign, rng) for one in plain[::2]]
    return [*plain, *_disguised(plain, rng), *company, *benign, *long]


@dataclass(slots=True)
class Verdicts:
    """Attacks found and missed by family, benign texts refused by kind."""

    attacks: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    benign: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    missed_texts: list[Attempt] = field(default_factory=list)
    refused_texts: list[Attempt] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found.total() / self.attacks.total()

    @property
    def precision(self) -> float:
        right = self.found.total()
        return right / max(1, right + self.refused.total())

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def judge(tried: Sequence[Attempt], text: Detector, tool: Detector) -> Verdicts:
    """`tool` looks at what came from a tool, `text` at all else."""
    out = Verdicts()
    for one in tried:
        spans = (tool if one.from_a_tool else text).find(one.text)
        found = any(span.start < one.end and one.start < span.end for span in spans)
        (out.attacks if one.attack else out.benign)[one.family] += 1
        if found:
            (out.found if one.attack else out.refused)[one.family] += 1
        if one.attack != found:
            (out.missed_texts if one.attack else out.refused_texts).append(one)
    return out
