"""What a whole exchange keeps of its bodies: each mode, streams, refusals, translation, faults."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import uuid
from typing import Any

import pytest

from extproc.audit.content import keeper
from extproc.audit.content.erase import erase
from extproc.audit.content.read import NotKept
from extproc.audit.content.values import Tenant
from extproc.config.audit_model import Audit
from extproc.exchange.exchange import Exchange
from extproc.exchange.values import Incoming, ResponseHead
from tests.audit.content.kept import CANARIES, CARD, EMAIL, SECRET, content, keeping, on_disk, shown
from tests.exchange.stage import KEY, STARTED_MS, Said, Stage, come, delta

PROMPT = f"Card {CARD}, mail {EMAIL}, key {SECRET}, word"
ASKED = [{"role": "user", "content": PROMPT}]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def ended(said: Said, *, complete: bool = True) -> dict[str, Any]:
    return await said.over(complete=complete)


async def test_digests_cost_nothing_new(stage: Stage) -> None:
    """P8: without capture nobody is asked, and the entry is what it was."""
    await keeping(stage, {})
    assert stage.world.content is None
    said = await stage.say(messages=ASKED)
    await said.reply(PROMPT)
    entry = await ended(said)
    assert "content" not in entry
    assert entry["request"]["content_digest"] and entry["response"]["content_digest"]
    assert not (stage.folder / "content").exists()


async def test_none_keeps_no_digests_either(stage: Stage) -> None:
    """P4: a digest of a short text gives it away: with `none` there is none, and that is said."""
    await keeping(stage, content("none"))
    said = await stage.say(messages=ASKED)
    await said.reply("yes")
    entry = await ended(said)
    assert entry["content"] == {"capture": "none"}
    assert "content_digest" not in entry["request"] and "content_digest" not in entry["response"]
    assert not (stage.folder / "content").exists()


@pytest.mark.parametrize("streamed", [False, True])
async def test_full_is_what_was_said(stage: Stage, streamed: bool) -> None:
    """Audit: the request as it came, the answer as it left; their digests are the entry's; nothing
    of it in plain text on the disk."""
    await keeping(stage, content("full"))
    said = await stage.say(messages=ASKED, stream=streamed)
    await said.reply(f"so {PROMPT}", stream=streamed, pieces=7)
    entry = await ended(said)
    for part in ("request", "response"):
        text = shown(stage, entry, part)
        assert PROMPT in text.decode() or (streamed and part == "response")
        assert digest(text) == entry[part]["content_digest"]
        assert entry["content"][part]["capture"] == "full"
    assert not on_disk(stage.folder, *CANARIES)


@pytest.mark.parametrize("streamed", [False, True])
async def test_redacted_holds_no_canary(stage: Stage, streamed: bool) -> None:
    """P4: without any guardrail, personal data and secrets are nowhere, not even encrypted."""
    await keeping(stage, content("redacted", masked_fields=["note"]))
    fields = {EMAIL: {"const": int(CARD.replace(" ", ""))}}
    made = {"name": "f", "parameters": {"type": "object", "properties": fields}}
    tools = [{"type": "function", "function": made}]
    said = await stage.say(
        messages=ASKED, stream=streamed, tools=tools, user=EMAIL, metadata_note={"note": 7}
    )
    await said.reply(PROMPT, stream=streamed, pieces=23)
    entry = await ended(said)
    for part in ("request", "response"):
        text = shown(stage, entry, part).decode()
        assert not [one for one in CANARIES if one in text]
        assert "[CARD]" in text or part == "response"
    assert json.loads(shown(stage, entry))["metadata_note"] == {"note": "[masked]"}
    assert not on_disk(stage.folder, *CANARIES)


async def test_what_a_guardrail_changed_is_kept_as_it_came(stage: Stage) -> None:
    """Audit: `full` holds the caller's own request, not what the provider got of it."""
    redaction = {"type": "guardrail-config-group", "name": "g", "guardrails": [
        {"name": "pii", "type": "pii", "operation": "mutate", "config": {}}]}  # fmt: skip
    rule = {"type": "gateway-guardrails-config", "name": "r", "rules": [
        {"id": "all", "when": {}, "llm_input_guardrails": ["g/pii"]}]}  # fmt: skip
    await keeping(stage, content("full"), redaction, rule)
    said = await stage.say(messages=ASKED)
    assert EMAIL not in json.dumps(said.sent)
    said.answer()
    assert EMAIL in shown(stage, await ended(said)).decode()


async def test_another_dialect(stage: Stage) -> None:
    """P5: where the provider speaks another dialect, the caller's own is what is kept."""
    await keeping(stage, content("full"))
    said = await stage.say(model="claude/sonnet", messages=ASKED, max_tokens=50)
    head = ResponseHead(200, "application/json", 1, "", False)
    await come(said.exchange.on_head(head))
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "sonnet",
              "content": [{"type": "text", "text": "parrot"}], "stop_reason": "end_turn",
              "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    reply = await come(said.exchange.on_body(json.dumps(answer).encode(), last=True))
    entry = await ended(said)
    assert shown(stage, entry, "response") == reply.body
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == "parrot"
    assert json.loads(shown(stage, entry))["messages"] == ASKED


async def test_refused_calls_too(stage: Stage) -> None:
    """P3: of a refused call its request is kept; of a stranger's nothing, for whose would it be?"""
    await keeping(stage, content("full"))
    said = await stage.say(model="no/such", messages=ASKED)
    assert said.refused
    entry = await ended(said)
    assert json.loads(shown(stage, entry))["messages"] == ASKED
    with pytest.raises(NotKept):
        shown(stage, entry, "response")
    said = await stage.say(messages=ASKED, also={"authorization": "Bearer wrong"})
    assert said.refused and "content" not in await ended(said)


async def test_a_body_that_is_no_call(stage: Stage) -> None:
    """P4: what cannot be read cannot be redacted, and is not kept; `full` keeps it as it came."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    for capture, kept in (("redacted", {"omitted": "unreadable"}), ("full", {"capture": "full"})):
        await keeping(stage, content(capture))
        body = b'{"model": "big/large", '
        incoming = Incoming(str(uuid.uuid4()), "POST", "/v1/chat/completions", headers, body)
        exchange = Exchange(stage.world, incoming, STARTED_MS)
        exchange.begin()
        said = Said(exchange, await exchange.govern())
        entry = await ended(said)
        assert kept.items() <= entry["content"]["request"].items()


async def test_a_stream_that_broke_off(stage: Stage) -> None:
    """Audit: what the caller got of it is kept."""
    await keeping(stage, content("full"))
    said = await stage.say(messages=ASKED, stream=True)
    left = said.stream(delta("one "), delta("two"), last=False)
    entry = await ended(said, complete=False)
    assert entry["decision"]["outcome"] == "aborted"
    assert shown(stage, entry, "response") == left


@pytest.mark.parametrize("capture", ["full", "redacted"])
async def test_longer_than_is_kept(stage: Stage, capture: str) -> None:
    """Audit: cut, and the entry says so; the digest is of all of it."""
    await keeping(stage, content(capture, body_bytes_max=1024))
    text = "y" * 900 + f" {CARD} " * 20
    said = await stage.say(messages=[{"role": "user", "content": text}], stream=True)
    left = said.stream(*(delta(text[at : at + 11]) for at in range(0, len(text), 11)), None)
    entry = await ended(said)
    for part in ("request", "response"):
        assert entry["content"][part]["cut"] is True
        kept = shown(stage, entry, part)
        assert len(kept) <= 1024
        assert capture == "full" or not [one for one in CANARIES if one.encode() in kept]
    assert entry["response"]["content_digest"] == digest(left)


async def test_large_bodies_let_the_entry_wait(stage: Stage) -> None:
    """P8: a large answer is redacted in turns with others; the entry is written behind it, and says
    `lost` should the worker die before."""
    await keeping(stage, content("redacted"))
    said = await stage.say(messages=[{"role": "user", "content": PROMPT + " word" * 20_000}])
    await said.reply(PROMPT + " word" * 20_000)
    exchange = said.exchange
    exchange.close(complete=True)
    assert exchange.lingers
    assert exchange.record.content["response"] == {"capture": "redacted", "lost": "stopped"}
    await exchange.linger()
    text = shown(stage, said.entry, "response").decode()
    assert not [one for one in CANARIES if one in text] and text.count("word") > 20_000


async def test_a_form_with_a_file_is_omitted(stage: Stage) -> None:
    """Audit: what nobody can read is named with its size; its digest stands in the entry."""
    await keeping(stage, content("full"))
    parts = {"model": b"big/large", "file": b"RIFF" + bytes(300)}
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (name.encode(), b'; filename="a.wav"' if name == "file" else b"", value)
        for name, value in parts.items()
    )
    headers = {"content-type": "multipart/form-data; boundary=b", "authorization": f"Bearer {KEY}"}
    path = "/v1/audio/transcriptions"
    incoming = Incoming(str(uuid.uuid4()), "POST", path, headers, body + b"--b--\r\n")
    exchange = Exchange(stage.world, incoming, STARTED_MS)
    exchange.begin()
    entry = await ended(Said(exchange, await exchange.govern()))
    size = len(incoming.body or b"")
    assert entry["content"]["request"] == {"capture": "full", "omitted": "binary", "size": size}
    assert entry["request"]["content_digest"] == digest(incoming.body or b"")


async def test_keys_are_forgotten_where_nobody_calls(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: within seconds of an erasure no worker holds the key, though nobody uses it."""
    monkeypatch.setattr(keeper, "FORGET_S", 0.01)
    await keeping(stage, content("full"))
    said = await stage.say(metadata={"tenant_id": "acme"})
    said.answer()
    await ended(said)
    ring = stage.adapters.keeping.store.ring
    assert ring._keys
    folder, acme = stage.folder / "content-keys", Tenant("tenant", "acme")
    erase(folder, ring.secret, acme, erasure_id="e", at_ms=STARTED_MS)
    async with asyncio.timeout(5):
        while ring._keys:
            await asyncio.sleep(0.005)


# --- faults --------------------------------------------------------------------------------------


def full_disk(*_: Any) -> int:
    raise OSError(errno.ENOSPC, "no")


async def test_standard_goes_on_without(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: content that cannot be written fails no call, and is named as lost."""
    await keeping(stage, content("full"))
    monkeypatch.setattr(os, "pwrite", full_disk)
    said = await stage.say(messages=ASKED)
    assert said.allowed
    said.answer()
    entry = await ended(said)
    lost = {"capture": "full", "lost": "ENOSPC"}
    assert entry["content"] == {"request": lost, "response": lost}


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
async def test_strict_does_not(stage: Stage, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """P3: in strict mode what cannot be kept, durable, before sending is not sent."""
    await keeping(stage, {"durability": "strict", **content("full")})
    with monkeypatch.context() as broken:
        broken.setattr(os, call, full_disk)
        said = await stage.say(messages=ASKED)
        assert said.refused.refusal.code.value == "audit_unavailable"
        await ended(said)
    said = await stage.say(messages=ASKED)
    assert said.allowed
    said.answer()
    assert shown(stage, await ended(said)), "it heals by itself"


async def test_a_defect_costs_no_entry(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: whatever goes wrong in keeping content, the entry is written."""
    await keeping(stage, content("full"))
    said = await stage.say(messages=ASKED)
    said.answer()
    monkeypatch.setattr(type(stage.world.content), "is_large", full_disk)
    entry = await ended(said)
    assert entry["content"]["lost"] == "defect" and entry["decision"]["outcome"] == "allowed"


# --- metadata ------------------------------------------------------------------------------------


async def test_how_long_and_whose(stage: Stage) -> None:
    """Audit: the call's own retention policy and tenant choose the folder and the key."""
    await keeping(stage, {**content("full"), "retention": {
        "days": {"content": 30}, "policies": {"short": 1}}})  # fmt: skip
    places, keys = [], []
    for metadata in ({}, {"retention_policy": "short"}, {"retention_policy": "no"},
                     {"tenant_id": "acme"}):  # fmt: skip
        said = await stage.say(metadata=metadata)
        said.answer()
        entry = await ended(said)
        places.append(entry["content"]["request"]["file"].partition("/")[0])
        keys.append(entry["content"]["request"]["key_id"])
        assert (entry["content"].get("retention_policy") == "unknown") is (
            metadata.get("retention_policy") == "no")  # fmt: skip
    assert places == ["days-30", "days-1", "days-30", "days-30"]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert not on_disk(stage.folder / "content-keys", "acme")


async def test_masked_metadata_is_shown_to_nobody(stage: Stage) -> None:
    """P4: a masked key's value is in no entry, intent or close, and in nothing made of the record;
    what is decided by it still is."""
    await keeping(stage, {"masked_metadata": ["customer"], "retention": {}, **content("full")})
    said = await stage.say(metadata={"customer": "canary-7", "project": "p"})
    said.answer()
    entry = await ended(said)
    assert entry["metadata"] == {"customer": "[masked]", "project": "p", "team": "t"}
    assert said.exchange.record.shown_metadata == entry["metadata"]
    assert said.exchange.record.metadata["customer"] == "canary-7"
    assert not on_disk(stage.folder / "spool", "canary-7")


def test_the_configuration_reads() -> None:
    """Contract: the fields used here are those of `audit:`."""
    assert Audit.model_validate({"content": {"capture": "full"}}).content.captures
