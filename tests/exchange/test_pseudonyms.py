"""Redaction styles in one exchange: what the provider gets instead, what comes back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.guardrails.gate import REVEAL, Gate
from extproc.guardrails.hook import run
from extproc.guardrails.redaction import Revealer, Vault, masked, tenant_key
from extproc.guardrails.selection import Selection, arrange
from tests.exchange.judges import guards
from tests.exchange.stage import Json, Said, Stage
from tests.guardrails.builders import pieces, slot, streamed

ADA, BOB = "ada@example.com", "bob@example.org"
PLACEHOLDER = re.compile(r"\[EMAIL_[A-Z2-7]{8}\]")


def pii(redaction: str, **fields: Any) -> Json:
    return {"name": "pii", "type": "pii", "operation": "mutate", "redaction": redaction, **fields}


async def ask(stage: Stage, text: str, **fields: Any) -> Said:
    return await stage.say(messages=[{"role": "user", "content": text}], **fields)


def sent(said: Said) -> str:
    return str(said.sent[0]["messages"][-1]["content"])


@pytest.mark.parametrize(("style", "expected"), [
    ("replace", r"write to \[EMAIL\]"),
    ("mask", r"write to a\*\*@\*{7}\.com"),
    ("hash", r"write to \[EMAIL:[a-z2-7]{8}\]"),
    ("pseudonym", r"write to \[EMAIL_[A-Z2-7]{8}\]"),
])  # fmt: skip
async def test_styles(stage: Stage, style: str, expected: str) -> None:
    """Guard (redaction styles): what the provider sees; the value never (P4)."""
    await stage.open(*guards(pii(style)))
    said = await ask(stage, f"write to {ADA}")
    assert re.fullmatch(expected, sent(said)) and ADA not in json.dumps(said.sent)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("pieces", [1, 7, 60])
async def test_the_callers_own_values_come_back(stage: Stage, stream: bool, pieces: int) -> None:
    """Guard (pseudonyms): the answer is un-masked for the caller, however its bytes are cut (P5);
    the log has neither the value nor what it was called (P4)."""
    await stage.open(*guards(pii("pseudonym")))
    said = await ask(stage, f"from {ADA} to {BOB}", stream=stream)
    ada, bob = PLACEHOLDER.findall(sent(said))
    answer = f"Dear {bob}, {ada[1:-1]} says hello. [EMAIL_AAAAAAAA] {ada}{bob}"
    told = await said.reply(answer, stream=stream, pieces=pieces)
    assert told == f"Dear {BOB}, {ADA} says hello. [EMAIL_AAAAAAAA] {ADA}{BOB}"
    entry = json.dumps(await said.over())
    assert ADA not in entry and ada[1:-1] not in entry


async def test_a_value_keeps_its_placeholder_in_a_conversation(stage: Stage) -> None:
    """Guard (pseudonyms): the same value gets the same placeholder, turn after turn."""
    await stage.open(*guards(pii("pseudonym")))
    first = sent(await ask(stage, f"I am {ADA}"))
    second = sent(await ask(stage, f"{BOB} knows {ADA}, and {ADA} knows that"))
    (ada,) = PLACEHOLDER.findall(first)
    assert PLACEHOLDER.findall(second)[1:] == [ada, ada]


async def test_tenants_share_no_placeholder(stage: Stage) -> None:
    """P4: another tenant's placeholder of the same value is another one, and is never un-masked."""
    await stage.open(*guards(pii("pseudonym")))
    ours = await ask(stage, f"I am {ADA}", metadata={"tenant_id": "one"})
    theirs = await ask(stage, "Who is it?", metadata={"tenant_id": "two"})
    (ada,) = PLACEHOLDER.findall(sent(ours))
    other = await ask(stage, f"I am {ADA}", metadata={"tenant_id": "two"})
    assert PLACEHOLDER.findall(sent(other)) != [ada]
    assert await theirs.reply(f"It is {ada}") == f"It is {ada}"


async def test_values_come_back_inside_tool_arguments(stage: Stage) -> None:
    """P4, P5: a value that needs escapes comes back as valid JSON."""
    found = Vault(b"k" * 32)
    name = found.redact("pseudonym", "EMAIL", 'o"\n@example.com', "")
    out = slot(json.dumps({"to": name}), json_text=True)
    run([out], revealing(found.known))
    assert json.loads(out.text) == {"to": 'o"\n@example.com'}


def revealing(known: dict[str, str]) -> Selection:
    scans = ((Revealer(known), None),)
    return arrange([Gate("", "mutate", "enforce", type=REVEAL, scans=scans)])


TEXTS = st.lists(
    st.sampled_from(
        ["[EMAIL_ABCDEFGH]", "EMAIL_ABCDEFGH", "[EMAIL_ABCDEFG2]", "[", "]", "_", "A", "x", " ",
         "EMAIL_", "ABCDEFGH", "[EMAIL", "B" * 90, "é"]
    ), max_size=12,
).map("".join)  # fmt: skip


@given(TEXTS, st.lists(st.integers(0, 300), max_size=6))
def test_any_split_reveals_alike(text: str, cuts: list[int]) -> None:
    """P5: a placeholder is put back wherever the stream was cut, and nothing else is touched."""
    chosen = revealing({"EMAIL_ABCDEFGH": "<ada>"})
    whole = slot(text)
    run([whole], chosen)
    assert streamed(chosen, pieces(text, cuts))[0] == whole.text


@pytest.mark.parametrize(("value", "expected"), [
    ("4111 1111 1111 1111", "**** **** **** 1111"), ("123-45-6789", "***-**-**89"),
    ("a.b@mail.example.co.uk", "a**@****.*******.**.uk"),
    ("1234567", "*******"), ("DE89370400440532013000", "*" * 18 + "3000"), ("", ""), ("@", "@"),
])  # fmt: skip
def test_masks(value: str, expected: str) -> None:
    """P4: a mask keeps four characters of a long value and none of a short one."""
    assert masked(value) == expected


def test_keys_of_tenants_differ() -> None:
    """P4: a tenant's key tells nothing of another's, and without the master none can be made."""
    assert len({tenant_key(m, t) for m in (b"a", b"b") for t in ("", "x", "y")}) == 6
