"""Whether a large configuration costs a request anything: routing with few and with many models.

    python -m bench.routing_scale [--rounds 9]

Two configurations: 10 virtual models over 2 accounts, and 1,000 over 200 of five models each. For
each: the seconds to load it, to build the router, and to render Envoy's clusters; and the
microseconds of one routing decision (least of the rounds) for a concrete model, a virtual one by
priority, one by weight, an unknown name and `auto`. `x` is the ratio of the large to the small
one: it is to stay near 1. Ends by itself, in some seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.dataplane.bootstrap import discovered_clusters
from extproc.dataplane.credentials import SecretPlaces
from extproc.routing.plan import Router
from extproc.routing.values import Ask

MODELS = 5


def text(virtual: int, accounts: int) -> str:
    documents = [
        {
            "type": "provider-account", "name": f"a{n}", "provider": "openai",
            "models": [{"id": f"m{k}", "price": {"input_per_mtok": 1}, "quality_tier": "high"}
                       for k in range(MODELS)],
        }
        for n in range(accounts)
    ]  # fmt: skip
    rules = [
        {
            "id": f"r{n}", "when": {"models": [f"prod/v{n}"]},
            "type": "weight-based-routing" if n % 2 else "priority-based-routing",
            "load_balance_targets": [
                {"target": f"a{n % accounts}/m0"}, {"target": f"a{(n + 1) % accounts}/m1"},
            ],
        }
        for n in range(virtual)
    ]  # fmt: skip
    routing = {"type": "gateway-load-balancing-config", "name": "r", "rules": rules}
    return "\n---\n".join(json.dumps(document) for document in (*documents, routing))


@dataclass(frozen=True, slots=True)
class Size:
    virtual: int
    accounts: int
    seconds: dict[str, float]
    decisions_us: dict[str, float]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def least_us(rounds: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        for _ in range(2_000):
            work()
        times.append((time.perf_counter_ns() - began) / 2_000 / 1_000)
    return min(times)


def loaded(source: Source) -> Config:
    config = load([source])
    if isinstance(config, list):
        raise SystemExit("\n".join(map(str, config)))
    return config


def ask(model: str) -> Ask:
    return Ask(model, frozenset(("*", "team:x")), draw=0.4, in_scope=lambda name: True,
               metadata={"quality_tier": "high"}, operation="chat")  # fmt: skip


def measure(virtual: int, accounts: int, rounds: int) -> Size:
    source = Source("bench.yaml", text(virtual, accounts), "/")
    config = loaded(source)
    router = Router(config)
    with tempfile.TemporaryDirectory() as folder:
        places = SecretPlaces(None, Path(folder))
        seconds = {
            "load": timed(lambda: loaded(source)),
            "router": timed(lambda: Router(config)),
            "clusters": timed(lambda: discovered_clusters(config, {}, places, "1")),
        }
    asked = {"concrete": "a1/m2", "priority": "prod/v4", "weight": "prod/v5", "unknown": "no/such",
             "auto": "auto"}  # fmt: skip
    decisions = {}
    for name, model in asked.items():
        one = ask(model)
        decisions[name] = least_us(rounds, partial(router.route, one))
    return Size(virtual, accounts, seconds, decisions)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.routing_scale", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    small, large = measure(10, 2, arguments.rounds), measure(1_000, 200, arguments.rounds)
    print("| | 10 virtual models, 2 accounts | 1,000 virtual models, 200 accounts | x |")
    print("|---|---:|---:|---:|")
    for name in small.seconds:
        few, many = small.seconds[name], large.seconds[name]
        print(f"| {name}, s | {few:.3f} | {many:.3f} | |")
    for name in small.decisions_us:
        few, many = small.decisions_us[name], large.decisions_us[name]
        print(f"| a decision: {name}, us | {few:.2f} | {many:.2f} | {many / few:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
