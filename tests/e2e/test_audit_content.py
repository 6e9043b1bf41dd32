"""Kept bodies behind a real gateway: captured, read, erased; nothing of them in plain text."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.content.erase import ACTION as ERASE
from extproc.audit.content.read import Erased, read_content
from extproc.audit.content.values import PARTS
from extproc.audit.sequencer import LOG
from extproc.audit.verify import verify
from extproc.state import StateDir
from tests.e2e.conftest import Start
from tests.e2e.documents import Documents
from tests.e2e.harness import DECISION_ID, SONNET, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

AUDIT = """
audit:
  content:
    capture: full
    rules:
      - {id: redacted, when: {metadata: {capture: redacted}}, capture: redacted}
"""


def documents(url: str) -> Documents:
    made = Documents().sample(url).unmoved()
    text = made.files["gateway.yaml"]
    made.files["gateway.yaml"] = text.replace(
        "environment: production\n", "environment: production" + AUDIT, 1
    )
    return made


async def test_kept_read_and_erased(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """P3, P4: through Envoy, streamed and translated: what was said comes back from the log alone,
    lies nowhere in plain text, and is gone for ever once it is erased; the log verifies."""
    gateway = start_gateway(documents(provider.url))
    state = StateDir(gateway.state)
    canary, said = f"canary{secrets.token_hex(8)}", f"parrot{secrets.token_hex(8)}"
    # No guardrail of the sample looks for it, so that it reaches the provider and comes back.
    address = "81." + ".".join(str(100 + byte % 100) for byte in secrets.token_bytes(3))
    text = f"I am {canary}, {address} [[reply: {said} {address} it is]]"
    for fields in ({}, {"stream": True}, {"model": SONNET}, {"model": SONNET, "stream": True}):
        answer = await gateway.chat("support-bot", text, **fields)
        entry = await gateway.entry_of(answer)
        assert json.loads(read_content(state, entry, "request"))["messages"][-1]["content"] == text
        assert read_content(state, entry, "response") == answer.content
    headers = {"x-tfy-metadata": '{"capture": "redacted"}'}
    redacted = await gateway.entry_of(
        await gateway.chat("support-bot", text, stream=True, headers=headers)
    )
    for part in PARTS:
        half = read_content(state, redacted, part)
        assert address.encode() not in half and b"[IP_ADDRESS]" in half
    assert not plain(gateway, canary, said, address)
    code, out, err = await gateway.cli("audit", "content", answer.headers[DECISION_ID])
    assert code == 0 and canary in out, err
    code, _, err = await gateway.cli("audit", "erase", "--tenant", "support-ai", "--reason", "7")
    assert code == 0, err
    with pytest.raises(Erased):
        read_content(state, entry, "request")
    later = await gateway.entry_of(await gateway.chat("support-bot", text))
    assert canary.encode() in read_content(state, later, "request"), "under a new key"
    assert not plain(gateway, canary, said, address)
    (event,) = [e for e in gateway.entries() if e.get("event", {}).get("action") == ERASE]
    assert event["event"]["reason"] == "7" and event["actor"]["type"] == "operator"
    assert verify(state.audit / LOG, load_verifier(state.audit / VERIFIER_KEY)).intact
    gateway.settle_accounts()


def plain(gateway: GatewayUnderTest, *words: str) -> list[str]:
    """Files of the gateway that hold one of the words."""
    folders = (gateway.state, Path(gateway.facts()["run"]))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files.append(gateway.log)
    return [str(f) for f in files if any(word.encode() in f.read_bytes() for word in words)]
