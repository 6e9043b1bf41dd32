"""What guardrails cost: CPU of each built-in one, of all together, and its growth up to 1 MB.

    python -m bench.guardrail_cost [--seconds 6] [--no-rivals] [--no-envoy] [--json FILE]

Three tables. (1) Microseconds of CPU for 8 KB of ordinary chat, dense personal data, source code
and other scripts: each guardrail alone, all of them as one hook runs them over a body, and
Presidio's pattern recognizers called directly (their cheapest way: no tokens, no context, no
model). (2) The sum beside what one request costs that does nothing: real Envoy and a processor
that allows everything (`bench/nothing.py`), measured in the same run with a body of the same
size. (3) Growth: CPU per KB at 1 MB over CPU per KB at 8 KB, for ordinary and for hurtful texts;
flat is 1.

Each figure is the least of several rounds. Goals: (1) at most 1/20 of Presidio's, (2) at most
0.25, (3) nothing that grows with the size. Compare ratios, never figures of different machines.
Presidio is installed in a virtual environment of its own in .bench/ when it is first needed
(about 400 MB)."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import thread_time
from typing import Any

import uvloop

from bench.cpu import cpu_us
from bench.guardrail_quality.bodies import HURTFUL, ORDINARY
from bench.guardrail_quality.rivals.run import CannotRun, ask, installed
from bench.load import drive, request
from bench.setups import KEY, nothing, provider
from extproc.config.model import Guardrail
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.hook import run
from extproc.guardrails.selection import Selection, arrange
from extproc.llm.call import TextSlot

BODY = 8 * 1024
MEGABYTE = 1024 * 1024
MESSAGES = 8
GOAL_NOTHING, GOAL_PRESIDIO = 0.25, 1 / 20

TYPES: Mapping[str, Mapping[str, Any]] = {
    "pii": {},
    "secrets": {},
    "prompt-injection": {},
    "content-moderation": {},
    "topics": {
        "deny": [
            {"name": "gambling", "keywords": ["casino", "poker", "roulette", "betting"]},
            {"name": "legal advice", "keywords": ["lawsuit", "sue", "attorney"]},
        ]
    },
    "regex": {"preset_patterns": {"presets": ["visa", "github_token", "ipv4"]}},
    "sql-sanitizer": {},
    "code-safety": {},
}
"""Every built-in detector with an ordinary configuration."""


def built(types: Sequence[str] = tuple(TYPES)) -> dict[str, Selection]:
    """Each type alone, and all of them as `all`. One that cannot be built is named, not in it."""
    gates, found = [], {}
    for kind in types:
        one = Guardrail(name=kind, type=kind, config=TYPES[kind], enforcing_strategy="audit")  # type: ignore[arg-type]
        try:
            (gate,) = compile_guardrails({f"g/{kind}": one}).values()
        except (ImportError, AttributeError, KeyError, ValueError) as error:
            loudly(f"{kind}: {error}")
            continue
        gates.append(gate)
        found[kind] = arrange([gate])
    return {**found, "all": arrange(gates)}


def hook(selection: Selection, text: str) -> Callable[[], object]:
    """The engine's run of one hook over a body of some messages. The one place that calls it."""
    step = -(-len(text) // MESSAGES)
    texts = [text[at : at + step] for at in range(0, len(text), step)]

    def once() -> object:
        slots = [TextSlot({"t": t}, "t", f"m[{i}]", "user", f"m[{i}]") for i, t in enumerate(texts)]
        return run(slots, selection)

    return once


def least_us(work: Callable[[], object], rounds: int = 5, least_s: float = 0.02) -> float:
    """The least CPU of some rounds, each long enough to be measured; microseconds per call."""
    begin = thread_time()
    work()
    calls = max(1, int(least_s / max(thread_time() - begin, 1e-6)))
    best = float("inf")
    gc.disable()
    for _ in range(rounds):
        begin = thread_time()
        for _ in range(calls):
            work()
        best = min(best, (thread_time() - begin) / calls)
    gc.enable()
    return best * 1e6


def growth(
    selection: Selection, text: Callable[[int], str], large: int = MEGABYTE, least_s: float = 0.005
) -> float:
    """CPU per KB of a large text over CPU per KB of a body."""
    small = least_us(hook(selection, text(BODY)), 3, least_s)
    return (least_us(hook(selection, text(large)), 2, 0.0) / large) / (small / BODY)


async def floor(seconds: float) -> dict[str, float]:
    """CPU per request of the processor that does nothing and of its Envoy, with an 8 KB body."""
    content = ORDINARY["chat prose"](BODY)
    body = json.dumps({"model": "openai-main/gpt-4o-mini", "max_tokens": 64,
                       "messages": [{"role": "user", "content": content}]}).encode()  # fmt: skip
    asked = request("/v1/chat/completions", body, {"authorization": f"Bearer {KEY}"})
    async with provider() as port, nothing(port) as running:
        await drive(running.port, asked, 4, 1.0)
        before = cpu_us(running.envoy), cpu_us(running.python)
        load = await drive(running.port, asked, 16, seconds)
        after = cpu_us(running.envoy), cpu_us(running.python)
    if load.failed or not load.requests:
        raise CannotRun(f"{load.failed} requests failed")
    envoy, python = ((b - a) / load.requests for a, b in zip(before, after, strict=True))
    return {"envoy_us": envoy, "python_us": python, "total_us": envoy + python}


def presidio(texts: Mapping[str, str]) -> dict[str, float]:
    answers = ask(installed(), "presidio_worker.py", ["cost", "3"], texts.values())
    return {name: seconds * 1e6 for name, seconds in zip(texts, answers, strict=True)}


def loudly(why: str) -> None:
    print(f"\n*** NOT MEASURED: {why}\n", file=sys.stderr)


def attempt(what: str, measure: Callable[[], Any]) -> Any:
    print(f"measuring {what} ...", file=sys.stderr)
    try:
        return measure()
    except (CannotRun, OSError, SystemExit) as error:
        loudly(f"{what}: {error}")
        return None


def measured(seconds: float, rivals: bool, envoy: bool) -> dict[str, Any]:
    """Everything; None where it was not asked for or could not be measured."""
    selections, texts = built(), {name: make(BODY) for name, make in ORDINARY.items()}
    kinds = {**ORDINARY, **HURTFUL}

    def alone(selection: Selection) -> dict[str, float]:
        return {name: least_us(hook(selection, text)) for name, text in texts.items()}

    def grown() -> dict[str, float]:
        return {name: growth(selections["all"], make) for name, make in kinds.items()}

    figures = {kind: attempt(kind, partial(alone, s)) for kind, s in selections.items()}
    nothing_us = theirs = None
    if envoy:
        nothing_us = attempt("a request that does nothing", lambda: uvloop.run(floor(seconds)))
    if rivals:
        theirs = attempt("Presidio's recognizers", lambda: presidio(texts))
    return {
        "cpu_us": figures,
        "nothing": nothing_us,
        "presidio_us": theirs,
        "growth": attempt("growth", grown),
    }


def ratios(result: Mapping[str, Any]) -> dict[str, float]:
    """Of all guardrails together, for ordinary chat and at worst; the goals are over chat."""
    together: dict[str, float] = result["cpu_us"]["all"]
    out: dict[str, float] = {}
    if floor_us := result["nothing"]:
        out["all / a request that does nothing (Envoy and Python), chat prose"] = (
            together["chat prose"] / floor_us["total_us"]
        )
        out["all / the processor that does nothing (Python alone), chat prose"] = (
            together["chat prose"] / floor_us["python_us"]
        )
    if theirs := result["presidio_us"]:
        for name in together:
            out[f"all / Presidio's recognizers, {name}"] = together[name] / theirs[name]
    if result["growth"]:
        worst = max(result["growth"], key=result["growth"].get)
        out[f"worst growth per KB, 8 KB to 1 MB ({worst})"] = result["growth"][worst]
    return out


def markdown(result: Mapping[str, Any]) -> str:
    names = list(ORDINARY)
    lines = [f"| CPU, us per 8 KB | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    rows = dict(result["cpu_us"])
    if result["presidio_us"]:
        rows["Presidio's recognizers"] = result["presidio_us"]
    lines += [
        f"| {kind} | {' | '.join(f'{row[n]:,.0f}' for n in names)} |"
        for kind, row in rows.items()
        if row
    ]
    if result["nothing"]:
        floor_us = result["nothing"]
        lines += [
            "",
            f"A request that does nothing: {floor_us['total_us']:.0f} us "
            f"(Envoy {floor_us['envoy_us']:.0f}, Python {floor_us['python_us']:.0f}).",
        ]
    lines += ["", "| ratio | |", "|---|---:|"]
    lines += [f"| {name} | {value:.3f} |" for name, value in ratios(result).items()]
    if result["growth"]:
        far = sorted(result["growth"].items(), key=lambda pair: -pair[1])
        lines += ["", "Growth per KB from 8 KB to 1 MB: "
                  + ", ".join(f"{name} {value:.2f}" for name, value in far) + "."]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.guardrail_cost", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=6, help="load on Envoy (%(default)s)")
    parser.add_argument("--no-rivals", action="store_true", help="without Presidio")
    parser.add_argument("--no-envoy", action="store_true", help="without the do-nothing processor")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    result = measured(arguments.seconds, not arguments.no_rivals, not arguments.no_envoy)
    print(markdown(result))
    if arguments.json is not None:
        whole = {**result, "ratios": ratios(result)}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
