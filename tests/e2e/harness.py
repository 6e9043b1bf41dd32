"""A whole gateway under test: `envelope up` as a child, its provider, its audit log, its counters.

    with GatewayUnderTest(documents, provider, folder) as gateway:
        client = gateway.openai("support-bot")                # the real SDK
        answer = await gateway.chat("support-bot", "hello")    # or plain HTTP
        entry = await gateway.entry(answer.headers["x-envelope-decision-id"])
        await gateway.reserved_is_zero()

Promises: only processes it started are ended, by their ids; the gateway dies with the test run
(the kernel sees to it); every wait has a deadline. Every decision id that a client of this harness
was given is remembered, and `settle_accounts()` asserts that each has exactly one audit entry (P3).
Clients belong to the test that asked for them: `close_clients()` runs after each.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import anthropic
import httpx2
import openai
from redis.asyncio import Redis

from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.values import CounterReading
from extproc.server.child import Child, python
from extproc.store import connect
from tests.e2e import raw_http
from tests.e2e.documents import Documents
from tests.e2e.provider_child import ProviderUnderTest, child_environment
from tests.e2e.raw_http import RawAnswer

ROOT = Path(__file__).resolve().parents[2]
Entry = dict[str, Any]
START_S, STOP_S, SEEN_S = 60, 45, 15
DECISION_ID = "x-envelope-decision-id"
MINI, SONNET = "openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"


class GatewayUnderTest:
    """One `envelope up`. `url`, `admin`: where it listens; `state`, `config`: its folders."""

    def __init__(
        self,
        documents: Documents,
        provider: ProviderUnderTest,
        folder: Path,
        *,
        workers: int = 2,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.documents, self.provider = documents, provider
        self.folder, self.state, self.log = folder, folder / "state", folder / "up.log"
        self.config = documents.write(folder / "config")
        (self.config / "secrets").mkdir(exist_ok=True)
        (self.config / "secrets" / "anthropic").write_text(provider.anthropic_key + "\n")
        self._command = python(
            "extproc", "up", "--config", str(self.config), "--state", str(self.state),
            "--port", "0", "--admin-port", "0", "--workers", str(workers),
            "--ready-file", str(folder / "ready.json"), *arguments,
        )  # fmt: skip
        self._child: Child | None = None
        self._clients: list[httpx2.AsyncClient] = []
        self._decisions: list[str] = []
        self._entries: dict[str, list[Entry]] = {}
        self._read_to = 0
        self.url = self.admin = ""

    # --- life ---------------------------------------------------------------------------------

    def __enter__(self) -> GatewayUnderTest:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait for its ready file. Raises RuntimeError with its log."""
        deadline = self._spawn()
        while not self._is_ready(deadline):
            time.sleep(0.02)

    async def start_again(self) -> None:
        """The same after `kill`, while other things go on; it may listen elsewhere then."""
        deadline = self._spawn()
        while not self._is_ready(deadline):
            await asyncio.sleep(0.02)

    def _spawn(self) -> float:
        """From the main thread: the kernel ties it to the thread. Until when it must be ready."""
        (self.folder / "ready.json").unlink(missing_ok=True)
        environment = {**child_environment(ROOT), "OPENAI_API_KEY": self.provider.openai_key,
                       "DEAD_KEY": "sk-no-longer-valid"}  # fmt: skip
        self._child = Child("gateway", self._command, env=environment, log=self.log)
        return time.monotonic() + START_S

    def _is_ready(self, deadline: float) -> bool:
        assert self._child is not None
        ready = self.folder / "ready.json"
        if not ready.exists():
            if not self._child.alive or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start:\n{self.log.read_text()}")
            return False
        facts = json.loads(ready.read_text())
        self.url, self.admin = facts["gateway"], facts["admin"]
        return True

    def stop(self, within_s: float = STOP_S) -> int | None:
        """SIGTERM, as an operator would; its exit code, None when it had to be killed."""
        assert self._child is not None
        self._child.signal(signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while self._child.alive:
            if time.monotonic() > deadline:
                self.kill()
                return None
            time.sleep(0.02)
        return self._child.exit_code

    def kill(self) -> None:
        """SIGKILL; what it started dies with it."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def facts(self) -> dict[str, Any]:
        """`state/run.json`: pid, gateway, admin, store, config, run, workers."""
        found: dict[str, Any] = json.loads((self.state / "run.json").read_text())
        return found

    def worker_pids(self) -> list[int]:
        return [int(pid) for pid in self.facts()["workers"]]

    def report(self) -> str:
        """The ends of its logs, for a failed test."""
        files = (self.log, self.state / "envoy" / "access.log", self.state / "envoy" / "envoy.log")
        return "\n".join(f"--- {f.name}\n{_end_of(f)}" for f in files)

    # --- callers ------------------------------------------------------------------------------

    def key(self, account: str) -> str:
        """The key text of an account of the configuration."""
        return self.documents.keys[account]

    def http(self, **options: Any) -> httpx2.AsyncClient:
        """A plain client of the gateway; notes every decision id it is given."""
        limits = httpx2.Limits(max_connections=400)
        client = httpx2.AsyncClient(
            base_url=self.url, timeout=30, limits=limits, trust_env=False,
            event_hooks={"response": [self._note]}, **options,
        )  # fmt: skip
        self._clients.append(client)
        return client

    async def _note(self, answer: httpx2.Response) -> None:
        if DECISION_ID in answer.headers:
            self._decisions.append(answer.headers[DECISION_ID])

    def openai(self, account: str, base: str = "/v1", **options: Any) -> openai.AsyncOpenAI:
        """The real SDK; it does not retry, so that a test sees every answer."""
        return openai.AsyncOpenAI(
            api_key=options.pop("key", None) or self.key(account), base_url=self.url + base,
            max_retries=0, http_client=self.http(), **options,
        )  # fmt: skip

    def anthropic(self, account: str, base: str = "", **options: Any) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(
            api_key=options.pop("key", None) or self.key(account), base_url=self.url + base,
            max_retries=0, http_client=self.http(), **options,
        )  # fmt: skip

    async def chat(
        self, account: str, prompt: str, *, model: str = MINI, key: str | None = None,
        headers: Mapping[str, str] | None = None, http: httpx2.AsyncClient | None = None,
        path: str = "/v1/chat/completions", **fields: Any,
    ) -> httpx2.Response:  # fmt: skip
        """One call over plain HTTP, its answer read whole; `fields` go into the body."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], **fields}
        bearer = {"authorization": f"Bearer {key or self.key(account)}"}
        if http is not None:
            return await http.post(path, json=body, headers={**bearer, **(headers or {})})
        async with self.http() as own:
            return await own.post(path, json=body, headers={**bearer, **(headers or {})})

    async def raw(self, request: bytes) -> RawAnswer:
        """Exactly these bytes; see `raw_http`."""
        answer = await raw_http.send(self.url, request)
        if DECISION_ID in answer.headers:
            self._decisions.append(answer.decision_id)
        return answer

    async def hang_up(self, request: bytes) -> None:
        """Send these bytes and leave without waiting for anything."""
        await raw_http.hang_up(self.url, request)

    async def close_clients(self) -> None:
        for client in self._clients:
            await client.aclose()
        self._clients.clear()

    # --- audit --------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """Every audit entry so far, in the log's order."""
        path = self.state / "audit" / "log" / "entries.jsonl"
        with path.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                entry = json.loads(line)
                self._entries.setdefault(entry["decision_id"], []).append(entry)
        found = [entry for same in self._entries.values() for entry in same]
        return sorted(found, key=lambda entry: entry["index"])

    async def entry(self, decision_id: str, within_s: float = SEEN_S) -> Entry:
        """The one audit entry of a decision, once the sequencer has written it."""
        deadline = time.monotonic() + within_s
        while True:
            self.entries()
            found = self._entries.get(decision_id, [])
            if found:
                assert len(found) == 1, f"{len(found)} audit entries of {decision_id}"
                return found[0]
            assert time.monotonic() < deadline, f"no audit entry of {decision_id}"
            await asyncio.sleep(0.02)

    async def entry_of(self, answer: httpx2.Response) -> Entry:
        return await self.entry(answer.headers[DECISION_ID])

    def settle_accounts(self) -> None:
        """Every decision any caller heard of has one entry; no id stands there twice (P3)."""
        self.entries()
        twice = {name: len(same) for name, same in self._entries.items() if len(same) > 1}
        without = [name for name in self._decisions if name not in self._entries]
        assert not twice, f"decisions with more than one entry: {twice}"
        assert not without, f"decisions without an entry: {without[:5]} of {len(without)}"

    # --- limits -------------------------------------------------------------------------------

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Redis]:
        """A client of the gateway's own store."""
        client = await connect(self.facts()["store"], 3_000)
        try:
            yield client
        finally:
            await client.aclose()

    async def limits(self) -> list[CounterReading]:
        """Every live counter, as `envelope limits` reads them."""
        async with self.store() as client:
            ledger = RedisLedger(client, timeout_ms=3_000)
            try:
                return await ledger.counters()
            finally:
                await ledger.aclose()

    async def counter(self, rule_id: str, within_s: float = SEEN_S) -> CounterReading:
        """A rule's one counter, once nothing of it is reserved any more."""
        await self.reserved_is_zero(rule_id, within_s)
        (found,) = [c for c in await self.limits() if c.rule_id == rule_id]
        return found

    async def reserved_is_zero(self, rule_id: str | None = None, within_s: float = SEEN_S) -> None:
        """Wait until every reservation (of a rule) is settled."""
        deadline = time.monotonic() + within_s
        while True:
            found = [c for c in await self.limits() if rule_id in (None, c.rule_id)]
            if all(c.reserved == 0 for c in found):
                return
            assert time.monotonic() < deadline, f"still reserved: {found}"
            await asyncio.sleep(0.02)

    # --- commands -----------------------------------------------------------------------------

    async def cli(self, *arguments: str) -> tuple[int, str, str]:
        """`envelope ARGUMENTS --state ...`: exit code, stdout, stderr."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "extproc", *arguments, "--state", str(self.state),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=child_environment(ROOT),
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


def _end_of(path: Path, count: int = 25) -> str:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "(none)"
    return "\n".join(lines[-count:])
