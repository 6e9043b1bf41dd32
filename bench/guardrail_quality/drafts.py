# ruff: noqa: RUF001
"""Documents with labelled spans, and the registers they are written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from bench.guardrail_quality.kind import Kind, parts
from bench.guardrail_quality.words import ANY_CARRIER, BARE, CARRIERS, FAMILY, FILLER, GIVEN

Named = Literal["beside", "column", "place", "nowhere"]
"""Right before the value; in the head of its column; by its place in a record; not at all."""


@dataclass(frozen=True, slots=True)
class Label:
    """text[start:end] is a value of `kind`, and where something names it."""

    start: int
    end: int
    kind: str
    accepted: frozenset[str]
    named: Named = "beside"


@dataclass(frozen=True, slots=True)
class Document:
    """`about`: its register or kind of ham. `ignore`: spans where an alarm counts neither way."""

    text: str
    about: str
    labels: tuple[Label, ...] = ()
    ignore: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Draft:
    text: str = ""
    labels: list[Label] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.text += text

    def value(self, kind: Kind, made: str, named: Named = "beside") -> None:
        before, text, after = parts(made)
        start = len(self.text) + len(before)
        self.text += before + text + after
        self.labels.append(Label(start, start + len(text), kind.label, kind.accepted, named))

    def carried(self, rng: Random, kind: Kind, cued: bool = True) -> None:
        """A sentence of the kind's language with the value in it."""
        choice = CARRIERS.get(kind.language, ANY_CARRIER) if cued else BARE
        before, _, after = rng.choice(choice).partition("{value}")
        cue = rng.choice(kind.cues)
        self.add(before.replace("{cue}", cue))
        self.value(kind, kind.make(rng), "beside" if cued else "nowhere")
        self.add(after.replace("{cue}", cue))

    def done(self, about: str) -> Document:
        return Document(self.text, about, tuple(self.labels))


Kinds = Sequence[Kind]
Register = Callable[[Random, Kinds], Document]


def chat(rng: Random, kinds: Kinds) -> Document:
    draft = Draft()
    draft.add(rng.choice(("", "hey, ", f"{rng.choice(FILLER)} ")))
    draft.carried(rng, kinds[0])
    draft.add(rng.choice(("", f" {rng.choice(FILLER)}")))
    return draft.done("chat")


def bare(rng: Random, kinds: Kinds) -> Document:
    draft = Draft()
    draft.add(rng.choice(("", f"{rng.choice(FILLER)} ")))
    draft.carried(rng, kinds[0], cued=False)
    return draft.done("bare")


def mail(rng: Random, kinds: Kinds) -> Document:
    draft = Draft(
        f"Subject: Re: your request\n\nDear {rng.choice(FAMILY)} team,\n\n{rng.choice(FILLER)}\n"
    )
    for kind in kinds[:3]:
        draft.carried(rng, kind)
        draft.add("\n")
    draft.add(f"{rng.choice(FILLER)}\n\nKind regards\n{rng.choice(GIVEN)} {rng.choice(FAMILY)}")
    return draft.done("mail")


def form(rng: Random, kinds: Kinds) -> Document:
    draft = Draft(f"Name: {rng.choice(GIVEN)} {rng.choice(FAMILY)}\n")
    between = rng.choice((": ", ":\t", " : ", " - ", " = "))
    for kind in kinds[:5]:
        draft.add(rng.choice(kind.cues) + between)
        draft.value(kind, kind.make(rng))
        draft.add("\n")
    return draft.done("form")


def csv(rng: Random, kinds: Kinds) -> Document:
    kinds, comma = kinds[:3], rng.choice((",", ";", "\t"))
    draft = Draft(comma.join(["id", *(kind.key(rng) for kind in kinds), "total"]) + "\n")
    for row in range(1, rng.randint(2, 3)):
        draft.add(f"{row}")
        for kind in kinds:
            draft.add(comma)
            text = kind.make(rng)
            quote = '"' if comma in text else ""
            draft.add(quote)
            draft.value(kind, text, "column")
            draft.add(quote)
        draft.add(f"{comma}{rng.randint(10, 999)}.{rng.randint(10, 99)}\n")
    return draft.done("csv")


def escaped(made: str) -> str:
    """As it stands in a JSON string; the marks of `only` stay."""
    return json.dumps(made, ensure_ascii=False)[1:-1].replace("\\u001f", "\x1f")


def json_record(rng: Random, kinds: Kinds) -> Document:
    draft, indent = Draft("{"), rng.choice(("\n  ", " "))
    draft.add(f'{indent}"id": {rng.randint(1, 10**6)},')
    for kind in kinds[:4]:
        draft.add(f'{indent}{json.dumps(kind.key(rng), ensure_ascii=False)}: "')
        draft.value(kind, escaped(kind.make(rng)))
        draft.add('",')
    draft.add(f'{indent}"active": true' + indent[0] + "}")
    return draft.done("json")


def log(rng: Random, kinds: Kinds) -> Document:
    draft = Draft()
    for kind in kinds[:3]:
        day = f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}"
        stamp = f"{day}T0{rng.randint(0, 9)}:41:07.{rng.randint(100, 999)}Z"
        draft.add(f"{stamp} INFO [worker-{rng.randint(1, 9)}] req={rng.getrandbits(64):016x} ")
        draft.add(f"{kind.key(rng)}=")
        draft.value(kind, kind.make(rng))
        draft.add(f" took={rng.randint(1, 900)}ms status=200\n")
    return draft.done("log")


def code(rng: Random, kinds: Kinds) -> Document:
    draft = Draft("def seed(db):\n")
    for kind in kinds[:3]:
        name = kind.key(rng)
        before, after = rng.choice((
            (f'    {name} = "', '"\n'), (f"    db.insert(user, {name}='", "')\n"),
            (f'    row["{name}"] = "', '"  # from the old system\n'),
        ))  # fmt: skip
        draft.add(before)
        draft.value(kind, escaped(kind.make(rng)))
        draft.add(after)
    return draft.done("code")


def table(rng: Random, kinds: Kinds) -> Document:
    kinds = kinds[:3]
    names = ["Name", *(rng.choice(kind.cues) for kind in kinds)]
    draft = Draft(f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n")
    for _ in range(rng.randint(1, 2)):
        draft.add(f"| {rng.choice(GIVEN)} |")
        for kind in kinds:
            draft.add(" ")
            draft.value(kind, kind.make(rng), "column")
            draft.add(" |")
        draft.add("\n")
    return draft.done("table")


def markdown(rng: Random, kinds: Kinds) -> Document:
    draft = Draft(f"## {rng.choice(GIVEN)}\n\n{rng.choice(FILLER)}\n\n")
    for kind in kinds[:4]:
        before, after = rng.choice((("**", "**: "), ("", ": `"), ("*", "* – ")))
        draft.add(f"- {before}{rng.choice(kind.cues)}{after}")
        draft.value(kind, kind.make(rng))
        draft.add("`\n" if after.endswith("`") else "\n")
    return draft.done("markdown")


REGISTERS: tuple[Register, ...] = (
    chat, chat, mail, form, csv, json_record, log, code, table, markdown,
)  # fmt: skip
