"""Validate a configuration: every mistake at once, as `file:line: message`.

Looks at what stands in the files, at what they say about each other, and at the secrets and
policies they point to. Exit code 0 when a gateway would start with it, 2 when it would not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from extproc.admissible import mistakes, unpriced
from extproc.config.advice import advice
from extproc.config.files import place
from extproc.config.load import load
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.config.pages import virtual_models
from extproc.config.sources import read_sources


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", required=True, metavar="PATH", help="a file, or a folder of *.yaml and *.json"
    )
    parser.add_argument(
        "--no-secrets",
        action="store_true",
        help="do not look for the secrets it refers to (for a build machine that has none)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON to stdout")
    parser.add_argument("--state", metavar="DIR", default=".envelope", help="not used here")


def run(args: argparse.Namespace) -> int:
    config = load(read_sources(args.config))
    if isinstance(config, list):
        return _report(config, [], None, args.json)
    found = mistakes(config, secrets="none" if args.no_secrets else "all")
    return _report(found, [*advice(config), *_prices(config)], config, args.json)


def _prices(config: Config) -> list[Mistake]:
    """Models without a price load, and each call of them is refused: say so now."""
    found = []
    for name in unpriced(config):
        file, line = place(config, f"provider-account/{name.partition('/')[0]}")
        text = f"model '{name}' has no price: its calls are refused (set `price`, or on the "
        found.append(Mistake(file, line, text + "account `unpriced: allow`)"))
    return found


def counts(config: Config) -> dict[str, int]:
    """How many of each thing a configuration holds."""
    names = (name for rule in config.routing for name in rule.when.models or ())
    people = [one.keys for one in config.users.values()]
    people += [one.keys for one in config.virtual_accounts.values()]
    rules = (
        config.rate_limits, config.budgets, config.tenant_rate_limits, config.tenant_budgets,
        config.request_caps, config.routing, config.guardrail_rules,
    )  # fmt: skip
    return {
        "accounts": len(config.accounts),
        "models": sum(len(account.models) for account in config.accounts.values()),
        "virtual models": len(virtual_models(names, config.accounts)),
        "keys": sum(map(len, people)),
        "rules": sum(len(listed) for listed in rules),
    }


def _report(
    mistakes: Sequence[Mistake], warnings: Sequence[Mistake], config: Config | None, as_json: bool
) -> int:
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    for warning in warnings:
        print(f"{warning.file}:{warning.line}: warning: {warning.message}", file=sys.stderr)
    if as_json:
        print(json.dumps(_as_json(mistakes, warnings, config), indent=2))
    if mistakes or config is None:
        number = len(mistakes)
        print(f"{number} mistake{'' if number == 1 else 's'}", file=sys.stderr)
        return 2
    held = ", ".join(f"{what} {number}" for what, number in counts(config).items())
    print(f"fine: {held}", file=sys.stderr)
    return 0


def _as_json(
    mistakes: Sequence[Mistake], warnings: Sequence[Mistake], config: Config | None
) -> dict[str, object]:
    def plain(found: Sequence[Mistake]) -> list[dict[str, object]]:
        return [{"file": one.file, "line": one.line, "message": one.message} for one in found]

    return {
        "ok": not mistakes,
        "mistakes": plain(mistakes),
        "warnings": plain(warnings),
        "digest": config.digest if config else None,
        "counts": counts(config) if config else None,
    }
