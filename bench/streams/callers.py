"""Who reads the stream: through Envoy alone, a processor that does nothing, and the gateway.

The gateway is one; its callers differ only in their guardrails, each a virtual account and a rule.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.guardrail_cost import TYPES
from bench.load import request
from bench.setups import HOST, KEY, nothing, plain
from bench.streams.client import Caller
from bench.streams.provider import EMAIL, PATH, SECRET, TEAM, CannotMeasure, provider
from extproc.cli.up_command import free_port
from extproc.config.load import load
from extproc.config.sources import read_sources
from extproc.server.gateway import Gateway, Options
from extproc.state import StateDir

Detectors = Mapping[str, Mapping[str, Any]]
DETECTORS: Detectors = {**TYPES, "prompt-leak": {}}
"""All that read an answer as it flows. Judges of whole texts hold a stream by design."""
FLOOR, AGAIN, BARE = "nothing", "nothing, again", "gateway, no guardrails"
REDACTING, REVEALING = "redacting: pii, secrets", "pseudonyms put back"
MOST, ALL = "validating: all but prompt-injection", f"validating: all {len(DETECTORS)} detectors"
GATEWAY = {BARE: "bare", REDACTING: "redact", MOST: "most", ALL: "all", REVEALING: "reveal"}
"""Row -> the virtual account behind it."""
Callers = dict[str, Caller]
SYSTEM = (
    "Answer in the tone of a helpful librarian who likes short sentences, names her sources, and "
    "never invents a book that does not exist."
)


def documents(provider_ports: Sequence[int], detectors: Detectors = DETECTORS) -> str:
    """One gateway, an account for each provider, a caller and a rule for each row; JSON is YAML."""
    rules = {
        "redact": {"llm_output_guardrails": ["g/no-pii", "g/no-secrets"]},
        "most": {"llm_output_guardrails": [f"g/{k}" for k in detectors if k != "prompt-injection"]},
        "all": {"llm_output_guardrails": [f"g/{kind}" for kind in detectors]},
        "reveal": {"llm_input_guardrails": ["g/names"]},
    }
    whole: list[dict[str, Any]] = [
        {"type": "gateway-config", "name": "gateway",
         "guardrails": {"pseudonym_key": {"file": "pseudonyms"}}},
        *(_account(at, port) for at, port in enumerate(provider_ports)),
        *map(_caller, GATEWAY.values()),
        {"type": "guardrail-config-group", "name": "g", "guardrails": _guardrails(detectors)},
        {"type": "gateway-guardrails-config", "name": "rules",
         "rules": [{"id": name, "when": {"subjects": [f"virtualaccount:{name}"]}, **hooks}
                   for name, hooks in rules.items()]},
    ]  # fmt: skip
    return "\n---\n".join(map(json.dumps, whole))


def _guardrails(detectors: Detectors) -> list[dict[str, Any]]:
    return [
        *({"name": k, "type": k, "config": settings} for k, settings in detectors.items()),
        *({"name": f"no-{k}", "type": k, "operation": "mutate"} for k in ("pii", "secrets")),
        {"name": "names", "type": "pii", "operation": "mutate", "redaction": "pseudonym"},
    ]


def _account(at: int, port: int) -> dict[str, Any]:
    price = {"input_per_mtok": 0.15, "output_per_mtok": 0.6}
    return {
        "type": "provider-account", "name": f"provider-{at}", "provider": "openai",
        "base_url": f"http://{HOST}:{port}/v1", "auth": {"api_key": {"file": "key"}},
        "models": [{"id": "m", "max_output_tokens": 16384, "price": price}],
    }  # fmt: skip


def _caller(name: str) -> dict[str, Any]:
    hashed = hashlib.sha256(_key(name).encode()).hexdigest()
    return {
        "type": "virtual-account", "name": name, "team": TEAM, "models": ["*"],
        "keys": [{"name": "first", "sha256": hashed}],
    }  # fmt: skip


def _key(name: str) -> str:
    return f"{KEY}-{name}"


@asynccontextmanager
async def gateway(provider_ports: Sequence[int], detectors: Detectors) -> AsyncIterator[int]:
    """Its port."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port(HOST, 0)
        (folder / "key").write_text("sk-bench")
        (folder / "pseudonyms").write_bytes(SECRET)
        path = folder / "gateway.yaml"
        path.write_text(documents(provider_ports, detectors))
        sources = read_sources(path)
        config = load(sources)
        if isinstance(config, list):
            raise CannotMeasure("\n".join(map(str, config)))
        options = Options(path, StateDir(folder / "state"), HOST, port, free_port(HOST, 0), 1)
        async with Gateway(options, sources, config):
            yield port


def asked(at: int, key: str) -> bytes:
    """The request to the provider at that place."""
    body = {
        "model": f"provider-{at}/m", "max_tokens": 4096, "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Write a letter about gardens to {EMAIL}, please."},
        ],
    }  # fmt: skip
    return request(PATH, json.dumps(body).encode(), {"authorization": f"Bearer {key}"})


@asynccontextmanager
async def everybody(
    count: int, pauses_s: Sequence[float], detectors: Detectors = DETECTORS
) -> AsyncIterator[list[Callers]]:
    """For each pause between tokens who asks there. What is started here is ended here."""
    async with AsyncExitStack() as stack:
        begin = stack.enter_async_context
        ports = [await begin(provider(count, pause_s)) for pause_s in pauses_s]
        ours = await begin(gateway(ports, detectors))
        found: list[Callers] = []
        for at, port in enumerate(ports):
            bare, floor = await begin(plain(port)), await begin(nothing(port))
            found.append({
                "plain Envoy": Caller(bare.port, asked(at, KEY)),
                FLOOR: Caller(floor.port, asked(at, KEY)),
                AGAIN: Caller(floor.port, asked(at, KEY)),
                **{row: Caller(ours, asked(at, _key(name))) for row, name in GATEWAY.items()},
            })  # fmt: skip
        for caller in (one for callers in found for one in callers.values()):
            stack.callback(caller.close)
        yield found
