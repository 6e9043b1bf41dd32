"""What the audit log costs: for a call, for the log's own process, on the disk, for an auditor.

    python -m bench.audit_log [--entries 50000] [--json FILE]

Entries are those of a real call's size (about 2 KB). CPU in microseconds an entry: `record` is what
a worker spends on its intent and its close; `sequence` what the gateway's own process spends on
moving them into the log, hashing and signing; `verify` what an auditor's machine spends. `x` is the
ratio to the floor of the same run: writing the same bytes to a file and hashing them once, which no
log of this kind can do without. `strict` is the time (not CPU) 32 calls at once wait for the disk,
each; its floor is one fdatasync alone. Ends by itself, in about half a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from extproc.audit.checkpoint import load_verifier
from extproc.audit.entry import rfc3339
from extproc.audit.sequencer import LOG, SPOOL, Sequencer
from extproc.audit.spool import Spool
from extproc.audit.verify import verify

NOW_MS = 1_795_176_000_000
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU in microseconds an entry, sizes in bytes an entry, waits in milliseconds."""

    entries: int
    floor_us: float
    record_us: float
    sequence_us: float
    verify_us: float
    entry_bytes: float
    log_bytes: float
    spool_bytes: float
    sync_ms: float
    strict_ms: float


def entry(n: int) -> dict[str, Any]:
    """A governed call's closing entry, as the gateway writes them."""
    digest = hashlib.sha256(b"%d" % n).hexdigest()
    phases = ("route", "auth", "contract", "read", "count", "policy", "guardrails", "plan",
              "limits", "audit", "response")  # fmt: skip
    return {
        "decision_id": f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-{n:012d}",
        "at": rfc3339(NOW_MS + n),
        "environment": "production",
        "principal": {"type": "virtual-account", "name": "support-bot", "key": "first",
                      "team": "support-ai"},
        "metadata": {"team": "support-ai", "environment": "production", "project_id": f"p{n % 40}",
                     "cost_center": "cc-203"},
        "request": {"method": "POST", "path": "/v1/chat/completions", "operation": "chat",
                    "dialect": "openai_chat", "model": "prod/engineering-assistant",
                    "stream": False, "max_tokens": 500, "input_tokens": 812,
                    "content_digest": digest},
        "decision": {"outcome": "allowed", "http_status": 200},
        "policy": {"engine": "embedded", "bundle_digest": digest, "allow": True,
                   "reasons": ["granted"],
                   "targets": {"openai-main/gpt-4o-mini": {"allow": True, "reasons": ["granted"],
                                                           "faults": []}}},
        "limits": {"rule_ids": ["team-rpm", "team-day", "project-day", "everyone"],
                   "reservation_id": digest[:36]},
        "guardrails": {"llm_input": {"outcomes": {"global/pii-redaction": "pass"}, "findings": [],
                                     "coverage": {"texts": 3, "characters": 2100}},
                       "llm_output": {"outcomes": {"global/secrets-detection": "pass"},
                                      "findings": [], "coverage": {"texts": 1, "characters": 700}}},
        "plan": ["openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"],
        "served": {"model": "openai-main/gpt-4o-mini", "provider": "openai", "attempts": 1},
        "usage": {"input_tokens": 790, "output_tokens": 210, "cached_input_tokens": 0,
                  "cache_write_tokens": 0, "reasoning_tokens": 0, "source": "provider"},
        "cost_nano_usd": 244_500,
        "phases_us": dict.fromkeys(phases, 40),
        "response": {"status": 200, "content_digest": digest},
        "config_digest": digest,
        "price_table_digest": digest,
    }  # fmt: skip


def cpu_us(work: Callable[[], object], count: int) -> float:
    """CPU of this process in microseconds for each of `count`, all its threads together."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6 / count


def floor(root: Path, entries: list[dict[str, Any]]) -> None:
    """The same bytes written once, and hashed once."""
    fd = os.open(root / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for made in entries:
        data = orjson.dumps(made)
        os.write(fd, data)
        hashlib.sha256(data).digest()
    os.fsync(fd)
    os.close(fd)


def record(root: Path, entries: list[dict[str, Any]]) -> None:
    spool = Spool(root / SPOOL, "bench-1", rotate_bytes=1 << 40)
    for made in entries:
        spool.intent(made)
        spool.close(made)
    spool.release()


async def waits(root: Path) -> tuple[float, float]:
    """Milliseconds of one sync alone, and of each of AT_ONCE calls that wait at once."""
    spool = Spool(root / "strict", "bench-1", strict=True)
    alone, together = [], []
    for n in range(20):
        began = time.perf_counter()
        spool.intent(entry(n))
        await asyncio.to_thread(_synced, spool)
        alone.append(time.perf_counter() - began)
    for n in range(20):
        began = time.perf_counter()
        calls = []
        for call in range(AT_ONCE):
            spool.intent(entry(1000 * n + call))
            durable = spool.durable()
            assert durable is not None
            calls.append(asyncio.ensure_future(durable))
        await asyncio.gather(*calls)
        together.append(time.perf_counter() - began)
    spool.release()
    return 1000 * sorted(alone)[10], 1000 * sorted(together)[10]


def _synced(spool: Spool) -> None:
    os.fdatasync(spool._fd)


def measure(count: int, root: Path) -> Figures:
    """All of it, in a folder that is the caller's to remove."""
    entries = [entry(n) for n in range(count)]
    gc.freeze()  # what is only here to be written must not be walked by the collector
    floor_us = cpu_us(lambda: floor(root, entries), count)
    record_us = cpu_us(lambda: record(root, entries), count)
    spool_bytes = sum(p.stat().st_size for p in (root / SPOOL).glob("*.jsonl"))
    sequencer = Sequencer(root)
    sequence_us = cpu_us(lambda: sequencer.drain(NOW_MS), count)
    sequencer.close()
    log = root / LOG
    log_bytes = sum(p.stat().st_size for p in log.rglob("*") if p.is_file())
    verifier = load_verifier(root / "verifier.pub")
    verify_us = cpu_us(lambda: verify(log, verifier), count)
    sync_ms, strict_ms = asyncio.run(waits(root))
    return Figures(
        entries=count,
        floor_us=floor_us,
        record_us=record_us,
        sequence_us=sequence_us,
        verify_us=verify_us,
        entry_bytes=sum(len(orjson.dumps(e)) for e in entries) / count,
        log_bytes=log_bytes / count,
        spool_bytes=spool_bytes / count,
        sync_ms=sync_ms,
        strict_ms=strict_ms,
    )


def table(figures: Figures) -> str:
    def row(name: str, us: float) -> str:
        return f"| {name} | {us:.1f} | {us / figures.floor_us:.1f} | {1e6 / us:,.0f} |"

    return "\n".join([
        f"{figures.entries} entries of {figures.entry_bytes:.0f} bytes; in the log "
        f"{figures.log_bytes:.0f} each, hashes included",
        "",
        "| step | CPU us an entry | x floor | entries a second and core |",
        "|---|---|---|---|",
        row("floor: written and hashed once", figures.floor_us),
        row("record (intent and close)", figures.record_us),
        row("sequence", figures.sequence_us),
        row("verify", figures.verify_us),
        "",
        f"strict: {AT_ONCE} calls at once wait {figures.strict_ms:.2f} ms, "
        f"{figures.strict_ms / figures.sync_ms:.1f} x one sync alone ({figures.sync_ms:.2f} ms)",
    ])  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        figures = measure(arguments.entries, Path(folder))
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(figures), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
