"""The log of a running gateway: everything is in it, and what happens when its disk goes away.

One gateway in strict mode with the access log read behind it; one in standard mode.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import Documents, Json
from tests.e2e.faults import BOT, SPEND, documents, gateway_of, refusal, serves
from tests.e2e.harness import Entry, GatewayUnderTest
from tests.e2e.processes import only_worker, suspended, until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e


def with_audit(provider: ProviderUnderTest, **audit: object) -> Documents:
    gateway: Json = {"audit": audit}
    return documents(provider.url, gateway=gateway)


@pytest.fixture(scope="module")
def strict_process(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    made = with_audit(provider_process, durability="strict", unseen_after_ms=1_000)
    with gateway_of(made, provider_process, place, workers=1) as running:
        yield running


@pytest.fixture
async def strict(strict_process: GatewayUnderTest, provider: ProviderUnderTest) -> GatewayUnderTest:
    return strict_process


def events(gateway: GatewayUnderTest, action: str) -> list[Entry]:
    return [e for e in gateway.entries() if e.get("event", {}).get("action") == action]


async def event(gateway: GatewayUnderTest, action: str) -> Entry:
    await until(lambda: bool(events(gateway, action)), f"an event {action}")
    return events(gateway, action)[-1]


async def verified(gateway: GatewayUnderTest) -> bool:
    return (await gateway.cli("audit", "verify"))[0] == 0


async def test_what_people_do_is_in_the_log(strict: GatewayUnderTest) -> None:
    """P3: a start, a key's life, a changed and a broken configuration: who, what, under which
    digest; and never a secret (P4)."""
    started = await event(strict, "gateway.start")
    assert started["event"]["durability"] == "strict"
    _, text, _ = await strict.cli("key", "create", "--account", BOT, "--json")
    made = json.loads(text)
    await strict.cli("key", "revoke", made["id"])
    created, revoked = await event(strict, "key.create"), await event(strict, "key.revoke")
    assert created["event"]["target"] == revoked["event"]["target"] == made["id"]
    assert created["actor"]["type"] == "operator" and created["event"]["account"] == BOT
    path = strict.config / "more.yaml"
    good = path.read_text()
    path.write_text(good + "\n---\ntype: nonsense\n")
    refused = await event(strict, "config.refuse")
    assert len(started["event"]["policy_digest"]) == 64
    path.write_text(good + "\n# a remark\n")
    loaded = await event(strict, "config.load")
    assert refused["event"]["target"] == started["event"]["config_digest"]
    assert loaded["event"]["before"] == started["event"]["config_digest"]
    assert made["key"] not in str(strict.entries())


async def test_the_log_counts_what_envoy_counts(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P3: every line of Envoy's access log has exactly one entry, also of bytes that are not HTTP
    and of calls that came while no worker lived to take them."""
    for prompt in ("a", "b"):
        await strict.chat(BOT, prompt, model=SPEND)
    await strict.chat(BOT, "x", model="no/model")
    await strict.chat(BOT, "x", path="/v1/elsewhere")
    await strict.raw(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx: \x01\r\n\r\n")
    await strict.raw(b"NONSENSE\r\n\r\n")
    async with suspended(only_worker(strict)), provider.untouched():
        answer = await strict.chat(BOT, "nobody is there", model=SPEND)
        assert answer.status_code == 503
    await serves(strict)

    def seen_by_envoy() -> list[Json]:
        lines = (strict.state / "envoy" / "access.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def same() -> bool:
        lines, calls = seen_by_envoy(), [e for e in strict.entries() if "event" not in e]
        named = Counter(line["decision_id"] for line in lines if line.get("decision_id"))
        nameless = len(lines) - named.total()
        found = Counter(e["decision_id"] for e in calls)
        unnamed = [name for name in found if name.startswith("unseen-")]
        return (
            named.keys() == found.keys() - set(unnamed)
            and len(unnamed) == nameless
            and set(found.values()) == {1}
        )

    await until(same, "as many entries as lines", within_s=25)
    unseen = [e for e in strict.entries() if e["decision"]["outcome"] == "unseen"]
    assert unseen and all(e["decision"]["http_status"] >= 400 for e in unseen)
    await until(lambda: verified(strict), "the log verifies")


async def test_strict_does_without_its_log_as_told(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P3: the log's folder is gone: nothing is sent; it is back: everything goes on, and the
    log verifies with all entries from before and from meanwhile."""
    await serves(strict)
    folder = strict.state / "audit" / "log"
    aside = folder.with_name("aside")
    await until(lambda: verified(strict), "the log verifies")
    folder.rename(aside)

    async def refusing() -> bool:
        answer = await strict.chat(BOT, "x", model=SPEND)
        return answer.status_code == 503 and refusal(answer)[1] == "audit_unavailable"

    await until(refusing, "calls are refused")
    async with provider.untouched():
        assert refusal(await strict.chat(BOT, "x", model=SPEND)) == (503, "audit_unavailable")
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    answer = await serves(strict, meanwhile="audit_unavailable")
    await strict.entry_of(answer)
    await until(lambda: verified(strict), "the log verifies")


async def test_standard_goes_on_without_its_log(place: Path, provider: ProviderUnderTest) -> None:
    """P3: in standard mode the spools hold what the log cannot take; it follows when it is back."""
    with gateway_of(with_audit(provider), provider, place, workers=1) as gateway:
        await serves(gateway)
        folder = gateway.state / "audit" / "log"
        aside = folder.with_name("aside")
        await until(lambda: verified(gateway), "the log verifies")
        folder.rename(aside)
        answers = [await gateway.chat(BOT, "x", model=SPEND) for _ in range(3)]
        assert [a.status_code for a in answers] == [200] * 3
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        for answer in answers:
            await gateway.entry(answer.headers["x-envelope-decision-id"], within_s=10)
        await until(lambda: verified(gateway), "the log verifies")
