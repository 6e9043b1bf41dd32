"""What is left behind: the audit entry, the trace, and nothing that must not be (P3, P4, P6)."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import Start, session_documents
from tests.e2e.documents import Documents
from tests.e2e.harness import DECISION_ID, MINI, SONNET, GatewayUnderTest
from tests.e2e.processes import until
from tests.e2e.provider_child import ProviderUnderTest
from tests.telemetry.collector import Collector, collecting

pytestmark = pytest.mark.e2e

PHASES = {"auth", "contract", "read", "route", "count", "policy", "guardrails", "limits", "plan",
          "audit"}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_entry_tells_the_whole_story(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, streamed: bool
) -> None:
    """P3, P6: who, what, which rules, what it used, what it cost, and under which configuration."""
    answer = await gateway.chat(
        "support-bot", "mail ada@example.com [[tokens: 9]]", stream=streamed, max_tokens=50,
        model="prod/engineering-assistant",
        headers={"x-tfy-metadata": '{"ticket_id": "T-7"}', "x-request-id": "their-id"},
    )  # fmt: skip
    seen = await provider.request()
    entry = await gateway.entry_of(answer)
    assert entry["principal"] == {"type": "virtual-account", "name": "support-bot",
                                  "key": "first", "team": "support-ai"}  # fmt: skip
    assert entry["metadata"]["ticket_id"] == "T-7"
    request = entry["request"]
    assert request["operation"] == "chat" and request["stream"] is streamed
    assert request["model"] == "prod/engineering-assistant" and request["max_tokens"] == 50
    assert request["path"] == "/v1/chat/completions" and request["request_id"] == "their-id"
    assert {"assistant", "everyone", "team-rpm", "team-day"} == set(entry["limits"]["rule_ids"])
    assert entry["limits"]["reservation_id"] == answer.headers[DECISION_ID]
    assert entry["guardrails"]["llm_input"]["outcomes"] == {"global/pii-redaction": "mutate"}
    (finding,) = entry["guardrails"]["llm_input"]["findings"]
    assert (finding["label"], finding["count"]) == ("EMAIL", 1)
    assert entry["guardrails"]["llm_output"]["outcomes"] == {"global/secrets-detection": "pass"}
    assert entry["plan"] == [MINI, SONNET]
    assert entry["served"] == {"model": MINI, "provider": "openai", "attempts": 1,
                               "region": "us", "kind": "external"}  # fmt: skip
    assert entry["usage"]["input_tokens"] == seen.input_tokens
    assert entry["usage"]["output_tokens"] == 9
    assert entry["cost_nano_usd"] == seen.input_tokens * 150 + 9 * 600
    assert set(entry["phases_us"]) >= PHASES
    assert entry["decision"] == {"outcome": "allowed", "http_status": 200}
    assert entry["policy"]["allow"] is True and len(entry["policy"]["bundle_digest"]) == 64
    assert len(entry["config_digest"]) == len(entry["price_table_digest"]) == 64
    assert entry["response"]["content_digest"] == hashlib.sha256(answer.content).hexdigest()


async def test_the_digest_is_of_the_very_bytes_that_came(gateway: GatewayUnderTest) -> None:
    """P6: a request can be recognised later by its digest, though its text is not kept."""
    content = json.dumps({"model": MINI, "messages": [{"role": "user", "content": "x"}]}).encode()
    answer = await gateway.http().post(
        "/v1/chat/completions", content=content,
        headers={"x-api-key": gateway.key("support-bot"), "content-type": "application/json"},
    )  # fmt: skip
    entry = await gateway.entry_of(answer)
    assert entry["request"]["content_digest"] == hashlib.sha256(content).hexdigest()


async def test_a_refusal_has_its_entry_too(gateway: GatewayUnderTest) -> None:
    """P3: what was refused is on record, with the reason the caller was not told."""
    answer = await gateway.chat("narrow-bot", "x", model="no-such/model")
    entry = await gateway.entry_of(answer)
    assert entry["principal"]["name"] == "narrow-bot"
    assert entry["decision"]["code"] == "permission_denied"
    assert entry["decision"]["reason"] and entry["decision"]["reason"] not in answer.text


async def test_the_applied_rules_are_told(gateway: GatewayUnderTest) -> None:
    """Contract 3: `x-tfy-applied-configurations` lists the rules, `server-timing` the phases."""
    answer = await gateway.chat("support-bot", "x", model="prod/engineering-assistant")
    told = json.loads(answer.headers["x-tfy-applied-configurations"])
    assert set(told) == {"assistant", "everyone", "team-rpm", "team-day"}
    timed = {part.strip().partition(";")[0] for part in answer.headers["server-timing"].split(",")}
    assert {*PHASES, "provider", "total"} <= timed


@pytest.mark.parametrize("flags", ["00", "01"])
async def test_a_trace_goes_on(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, flags: str
) -> None:
    """Contract 3: `traceparent` is continued: the same trace, another span, the same flags."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    await gateway.chat("support-bot", "x", headers={"traceparent": f"00-{trace}-{span}-{flags}"})
    version, seen_trace, seen_span, seen_flags = traceparent(await provider.request())
    assert (version, seen_trace, seen_flags) == ("00", trace, flags)
    assert seen_span != span


@pytest.mark.parametrize("given", [None, "nonsense", f"00-{'0' * 32}-{'1' * 16}-01"])
async def test_a_trace_begins(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, given: str | None
) -> None:
    """Contract 3: without a usable one, the provider gets a trace of the gateway's own."""
    headers = {} if given is None else {"traceparent": given}
    await gateway.chat("support-bot", "x", headers=headers)
    _, trace, span, _ = traceparent(await provider.request())
    assert len(trace) == 32 and int(trace, 16) and int(span, 16)


def traceparent(seen: Any) -> list[str]:
    return str(seen.headers["traceparent"]).split("-")


async def test_the_log_verifies(gateway: GatewayUnderTest) -> None:
    """P3: `envelope audit verify` exits 0 on a log that nobody touched, while it is written."""
    await gateway.entry_of(await gateway.chat("support-bot", "x"))
    code, out, err = await gateway.cli("audit", "verify", "--json")
    assert code == 0, err
    assert json.loads(out)["intact"] is True


# --- secrecy ----------------------------------------------------------------------------------


def with_everything_on(documents: Documents, otlp: str, place: Path, token: str) -> Documents:
    """Bodies are kept, entries sent, checkpoints anchored, spans exported."""
    (place / "token").write_text(token)
    secret = {"file": str(place / "token")}
    own = {
        "telemetry": {"otlp_endpoint": otlp, "headers": {"x-collector": secret}},
        "audit": {
            "content": {"capture": "full"},
            "masked_metadata": ["ticket_id"],
            "sinks": [
                {"name": "folder", "type": "object-storage", "location": f"file://{place}/sink",
                 "batch_wait_ms": 100},
                {"name": "stream", "type": "redis-stream", "batch_wait_ms": 100},
                {"name": "logs", "type": "otlp", "url": otlp, "headers": {"x-sink": secret}},
            ],
            "anchors": [{"name": "file", "type": "file", "path": f"{place}/anchored",
                         "interval_ms": 100}],
        },
    }  # fmt: skip
    said = "".join(f"{part}: {json.dumps(value)}\n" for part, value in own.items())
    text = documents.files["gateway.yaml"]
    line = "environment: production\n"
    documents.files["gateway.yaml"] = text.replace(line, line + said, 1)
    return documents


async def test_nothing_secret_is_left_anywhere(
    start_gateway: Start, provider: ProviderUnderTest, refusing_port: int, odd_url: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """P4: no prompt, no answer, no key, no credential and no masked value in any file, log, metric,
    span, process list, store value, nor in anything that was sent elsewhere; kept bodies are there,
    and encrypted."""
    token, ticket = f"token{secrets.token_hex(8)}", f"ticket{secrets.token_hex(8)}"
    async with collecting() as collector:
        made = session_documents(provider.url, refusing_port, odd_url)
        gateway = start_gateway(with_everything_on(made, collector.url, tmp_path, token))
        await nothing_is_left(gateway, provider, collector, tmp_path, token, ticket)


async def nothing_is_left(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, collector: Collector, place: Path,
    token: str, ticket: str,
) -> None:  # fmt: skip
    prompt, said = f"canary{secrets.token_hex(8)}", f"parrot{secrets.token_hex(8)}"
    created = json.loads((await gateway.cli("key", "create", "--account", "minted-bot",
                                            "--json"))[1])["key"]  # fmt: skip
    await say_it_in_every_way(gateway, prompt, said, created)
    await gateway.chat("support-bot", prompt, headers={
        "x-tfy-metadata": json.dumps({"ticket_id": ticket})})  # fmt: skip
    hidden = [prompt, said, created, token, ticket, provider.openai_key, provider.anthropic_key,
              *gateway.documents.keys.values()]  # fmt: skip
    await gateway.close_clients()
    lines = command_lines(gateway)
    async with gateway.store() as store:
        kept = await dump(store)
        sent = await until_sent(gateway, store, place, collector)
    run = files_below(Path(gateway.facts()["run"]))
    async with httpx2.AsyncClient() as admin:
        metrics = (await admin.get(f"{gateway.admin}/metrics")).content
    assert gateway.stop() == 0
    state = {name: data for name, data in files_below(gateway.state).items()
             if "/envoy/secrets/" not in name}  # fmt: skip
    places = {"store": kept, "commands": lines, "output": gateway.log.read_bytes(), **run, **state,
              "metrics": metrics, **sent}  # fmt: skip
    assert any(b"/v1/chat/completions" in data for data in state.values())
    assert any("/content/" in name and data for name, data in state.items())
    found = [(name, word) for name, data in places.items() for word in hidden
             if word.encode() in data]  # fmt: skip
    assert not found
    code, _, err = await gateway.cli("audit", "verify")
    assert code == 0, err
    gateway.settle_accounts()


async def until_sent(
    gateway: GatewayUnderTest, store: Redis, place: Path, collector: Collector
) -> dict[str, bytes]:
    """What has left the gateway, once there is some of each kind: the place -> the bytes."""

    async def everywhere() -> bool:
        stream = [name async for name in store.scan_iter("envelope:audit:*")]
        return bool(
            stream and collector.traces and any((place / "sink").rglob("*.gz"))
            and (place / "anchored").exists() and len(collector.heads) > 2
        )  # fmt: skip

    await until(everywhere, "something was sent everywhere")
    objects = {str(path): gzip.decompress(path.read_bytes())
               for path in (place / "sink").rglob("*.gz")}  # fmt: skip
    streams = {repr(name): repr(await store.xrange(name)).encode()
               async for name in store.scan_iter("envelope:audit:*", _type="stream")}  # fmt: skip
    assert all(b"decision_id" in data for data in (*objects.values(), *streams.values()))
    collected = b"".join(collector.raw)
    return {**objects, **streams, "collected": collected,
            "anchored": (place / "anchored").read_bytes()}  # fmt: skip


async def say_it_in_every_way(
    gateway: GatewayUnderTest, prompt: str, said: str, created: str
) -> None:
    """The same words through answers, refusals, errors, translations, broken streams."""
    http = gateway.http()
    text = f"{prompt} [[reply: {said}]]"
    for fields in ({}, {"stream": True}, {"model": SONNET}, {"model": SONNET, "stream": True}):
        await gateway.chat("support-bot", text, http=http, **fields)  # type: ignore[arg-type]
    await gateway.chat("support-bot", text, key=created, http=http)
    await gateway.chat("narrow-bot", text, http=http, model=SONNET)
    await gateway.chat("support-bot", text, stream=prompt, http=http)
    await gateway.chat("support-bot", f"{text} [[status: 500]]", http=http)
    await gateway.chat("support-bot", f"{text} [[status: 401]]", http=http)
    await gateway.chat("support-bot", f"{text} [[usage: negative]]", http=http)
    await gateway.chat("strict-bot", f"{text} {'ghp_' + 'a1B2c3D4e5' * 4}", http=http)
    await gateway.chat("support-bot", text, path="/v1/no/such/path", http=http)
    await gateway.chat("support-bot", text, path=f"/v1/chat/completions?key={created}", http=http)
    await gateway.chat("support-bot", text, headers={"x-tfy-guardrails": prompt}, http=http)
    broken = json.dumps({"model": MINI, "messages": prompt})[:-1].encode()
    headers = {"x-api-key": created, "content-type": "application/json"}
    await http.post("/v1/chat/completions", content=broken, headers=headers)


def command_lines(gateway: GatewayUnderTest) -> bytes:
    """The command lines of the gateway and all that descend from it, as `ps` would show them."""
    parents: dict[int, int] = {}
    lines: dict[int, bytes] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
            lines[int(entry.name)] = (entry / "cmdline").read_bytes()
        except OSError:
            continue
    ours = {gateway.pid}
    while grown := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    assert len(ours) >= 4
    return b"\n".join(lines[pid] for pid in ours if pid in lines)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every regular file's bytes, by path."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def dump(store: Redis) -> bytes:
    """Every key and value of a store, as bytes in a row."""
    parts: list[bytes] = []
    async for key in store.scan_iter():
        kind = await store.type(key)
        match kind:
            case b"string":
                value: Any = await store.get(key)
            case b"hash":
                value = await store.hgetall(key)  # type: ignore[misc]
            case b"zset":
                value = await store.zrange(key, 0, -1, withscores=True)
            case b"set":
                value = await store.smembers(key)  # type: ignore[misc]
            case b"list":
                value = await store.lrange(key, 0, -1)  # type: ignore[misc]
            case _:
                value = await store.xrange(key)
        parts += [key, repr(value).encode()]
    assert parts
    return b"\n".join(parts)
