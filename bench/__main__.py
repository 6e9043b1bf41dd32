"""What governance costs: plain Envoy, a processor that does nothing, the gateway with all on.

    python -m bench [--seconds 8] [--json FILE]

CPU per request is the measure (user + system time of Envoy and of the Python workers); latencies
are shown for orientation. All figures are of one run on this machine; compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import uvloop

from bench.cpu import cpu_us, rss_mb
from bench.load import drive, request
from bench.setups import KEY, Running, gateway, nothing, plain, provider

BODY_BYTES = 650
PROMPT = "The quick brown fox jumps over the lazy dog while nobody is watching the gateway. "


def body(stream: bool) -> bytes:
    """A chat request of about BODY_BYTES bytes without anything to find in it."""
    base: dict[str, Any] = {
        "model": "openai-main/gpt-4o-mini", "max_tokens": 64, "stream": stream,
        "messages": [{"role": "system", "content": "You are a helpful assistant."},
                     {"role": "user", "content": ""}],
    }  # fmt: skip
    room = BODY_BYTES - len(json.dumps(base))
    base["messages"][1]["content"] = (PROMPT * 20)[:room]
    return json.dumps(base).encode()


async def measure(running: Running, seconds: float) -> dict[str, float]:
    headers = {"authorization": f"Bearer {KEY}"}
    whole = request("/v1/chat/completions", body(False), headers)
    streamed = request("/v1/chat/completions", body(True), headers)
    await drive(running.port, whole, 4, 1.0)
    alone = await drive(running.port, whole, 1, seconds / 2)
    before = cpu_us(running.envoy), cpu_us(running.python)
    load = await drive(running.port, whole, 16, seconds)
    after = cpu_us(running.envoy), cpu_us(running.python)
    streams = await drive(running.port, streamed, 1, seconds / 2)
    failed = alone.failed + load.failed + streams.failed
    if failed or not load.requests:
        print(f"  {running.name}: {failed} failed requests", file=sys.stderr)
    count = max(1, load.requests)
    envoy_us, python_us = (after[0] - before[0]) / count, (after[1] - before[1]) / count
    return {
        "envoy_us": envoy_us,
        "python_us": python_us,
        "total_us": envoy_us + python_us,
        "requests_per_second": load.requests / load.seconds,
        "p50_alone_ms": alone.percentile_ms(0.5),
        "p99_alone_ms": alone.percentile_ms(0.99),
        "p50_load_ms": load.percentile_ms(0.5),
        "p99_load_ms": load.percentile_ms(0.99),
        "first_byte_ms": streams.percentile_ms(0.5, streams.first_ns),
        "stream_ms": streams.percentile_ms(0.5),
        "envoy_rss_mb": rss_mb(running.envoy),
        "python_rss_mb": rss_mb(running.python),
        "failed": float(failed),
    }


async def run(seconds: float) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async with provider() as port:
        setups: list[AbstractAsyncContextManager[Running]] = [
            plain(port), nothing(port), gateway(port),
        ]  # fmt: skip
        for setup in setups:
            async with setup as running:
                print(f"measuring {running.name} ...", file=sys.stderr)
                figures[running.name] = await measure(running, seconds)
    return {"figures": figures, "ratios": ratios(figures)}


def ratios(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    gate, floor, bare = figures["gateway"], figures["nothing"], figures["plain"]
    return {
        "gateway / nothing, CPU": gate["total_us"] / floor["total_us"],
        "nothing / plain, CPU": floor["total_us"] / bare["total_us"],
        "gateway / plain, CPU": gate["total_us"] / bare["total_us"],
        "added p50 alone, ms": gate["p50_alone_ms"] - bare["p50_alone_ms"],
        "added p99 alone, ms": gate["p99_alone_ms"] - bare["p99_alone_ms"],
        "added time to first byte of a stream, ms": gate["first_byte_ms"] - bare["first_byte_ms"],
        "requests per second and vCPU": 1e6 / gate["total_us"],
    }


def show(result: dict[str, Any]) -> None:
    figures = result["figures"]
    names = list(figures)
    rows = list(next(iter(figures.values())))
    print(f"{'':24}" + "".join(f"{name:>12}" for name in names))
    for row in rows:
        print(f"{row:24}" + "".join(f"{figures[name][row]:12.2f}" for name in names))
    print()
    for name, value in result["ratios"].items():
        print(f"{name:44}{value:10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=8, help="load per set-up (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the JSON here")
    arguments = parser.parse_args()
    result = uvloop.run(run(arguments.seconds))
    show(result)
    print("\n" + json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
