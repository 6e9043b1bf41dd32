"""Test, check, explain and replay policies.

`check` says whether the gateway would enforce a bundle; `test` runs its `test_*` rules; `explain`
shows what the policies would say to one call, target by target; `push` uploads a bundle to an OPA
server; `replay` decides recorded calls again, with what they were decided by or with something
else.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extproc.cli import policy_replay
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import read_sources
from extproc.identity.principal import Principal
from extproc.llm.call import LlmCall
from extproc.policy import bundle as bundles
from extproc.policy.bundle import BundleRefused
from extproc.policy.choose import engine_for
from extproc.policy.input import for_targets, shared_part
from extproc.policy.values import Decision, PolicyUnavailable
from extproc.routing.plan import Router
from extproc.routing.values import Ask, Target
from extproc.state import DEFAULT_STATE, StateDir

Rows = list[tuple[Target, Decision, dict[str, Any]]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="state folder, to replay")
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _configure_test(commands.add_parser("test", help="run the test_* rules of *_test.rego files"))
    check = commands.add_parser("check", help="would the gateway enforce this bundle?")
    _paths(check)
    check.add_argument("--json", action="store_true", help="mistakes as JSON on stdout")
    _configure_explain(commands.add_parser("explain", help="why would a call be allowed or not?"))
    push = commands.add_parser("push", help="upload a bundle to an OPA server")
    _paths(push)
    replay = commands.add_parser(
        "replay", help="decide recorded calls again", description=policy_replay.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    policy_replay.configure(replay)
    push.add_argument("--opa-url", required=True, metavar="URL", help="http://host:port of OPA")


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders (default: the shipped bundle)"
    )


def _configure_test(parser: argparse.ArgumentParser) -> None:
    _paths(parser)
    parser.add_argument(
        "--engine", choices=("embedded", "opa"), default="embedded", help="what evaluates"
    )
    parser.add_argument("--opa-binary", metavar="PATH", help="opa program (default: on PATH)")
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")


def _configure_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="PATH", help="file or folder")
    parser.add_argument("--key-account", required=True, metavar="NAME", help="virtual account/user")
    parser.add_argument("--model", required=True, help="account/model or a virtual model")
    parser.add_argument("--metadata", default="{}", metavar="JSON", help="what the caller sends")
    parser.add_argument("--operation", default="chat", choices=("chat", "embeddings"))
    parser.add_argument("--input-tokens", type=int, default=0, metavar="N")
    parser.add_argument("--max-tokens", type=int, metavar="N")
    parser.add_argument("--time", metavar="RFC3339", help="time of the call (default: now)")
    parser.add_argument("--json", action="store_true", help="decisions as JSON on stdout")


def run(args: argparse.Namespace) -> int:
    """Exit code: 0 fine, 1 the answer is no, 2 usage, configuration or policy mistakes."""
    actions = {"test": _test, "check": _check, "explain": _explain, "push": _push,
               "replay": policy_replay.run}  # fmt: skip
    try:
        return actions[args.action](args)
    except BundleRefused as refused:
        for mistake in refused.mistakes:
            _say(str(mistake))
        return 2


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _given(paths: Sequence[str]) -> list[str | Path]:
    return list(paths) or [bundles.shipped()]


# --- check and test ---------------------------------------------------------------------------


def _check(args: argparse.Namespace) -> int:
    from extproc.policy.embedded import load as load_embedded

    try:
        found = load_embedded(_given(args.paths))
    except BundleRefused as refused:
        if not args.json:
            raise
        print(json.dumps([{"file": m.file, "line": m.line, "message": m.message}
                          for m in refused.mistakes]))  # fmt: skip
        return 2
    if args.json:
        print("[]")
    _say(f"ok, bundle {found.bundle_digest}")
    return 0


def _test(args: argparse.Namespace) -> int:
    from extproc.policy.testing import OpaFailed, run_embedded, run_opa

    paths = _given(args.paths)
    if args.engine == "embedded":
        outcomes = run_embedded(paths)
    else:
        binary = args.opa_binary or shutil.which("opa")
        if binary is None:
            _say("no opa program on PATH: name one with --opa-binary")
            return 2
        try:
            outcomes = run_opa(paths, binary)
        except (OpaFailed, OSError) as error:
            _say(str(error))
            return 2
    for outcome in outcomes:
        _say(f"PASS {outcome.name}" if outcome.passed else f"FAIL {outcome.name}: {outcome.why}")
    passed = sum(outcome.passed for outcome in outcomes)
    _say(f"{passed} of {len(outcomes)} passed" if outcomes else "no test_* rule was found")
    if args.json:
        print(json.dumps([{"name": o.name, "passed": o.passed, "why": o.why} for o in outcomes]))
    # An empty test run proves nothing: no vacuous pass.
    return 0 if outcomes and passed == len(outcomes) else 1


def _push(args: argparse.Namespace) -> int:
    from extproc.audit.journal import record_action
    from extproc.audit.values import AuditUnavailable
    from extproc.policy.push import PushFailed, push

    bundle = bundles.read(_given(args.paths))
    try:
        ids = push(bundle, args.opa_url)
        record_action(StateDir(args.state), "policy.push", target=bundle.digest)
    except PushFailed as error:
        _say(f"not pushed: {error}")
        return 1
    except AuditUnavailable as error:
        _say(f"pushed, but the audit log does not know of it: {error}")
        return 1
    _say(f"pushed {len(ids)} policies: {', '.join(ids)}")
    return 0


# --- explain ----------------------------------------------------------------------------------


def _explain(args: argparse.Namespace) -> int:
    config = load(read_sources(args.config))
    if not isinstance(config, Config):
        for mistake in config:
            _say(str(mistake))
        return 2
    principal = _principal(config, args.key_account)
    stated = _metadata(args.metadata)
    if principal is None or stated is None:
        _say(
            f"no virtual account or user is called {args.key_account}"
            if principal is None
            else "--metadata is a JSON object with text values"
        )
        return 2
    metadata = {**stated, **principal.tags}
    routed = Router(config).route(Ask(args.model, principal.subjects, metadata))
    if routed is None:
        _say(f"no model is called {args.model}")
        return 2
    try:
        rows = asyncio.run(_decide(config, principal, metadata, routed.targets, args))
    except PolicyUnavailable as error:
        _say(f"policy_unavailable: {error}")
        return 1
    _print_rows(rows, args.json)
    return 0 if any(decision.allow for _, decision, _ in rows) else 1


def _principal(config: Config, name: str) -> Principal | None:
    account = config.virtual_accounts.get(name)
    if account is not None:
        return Principal("virtual-account", name, "explain", account.team, tags=account.tags)
    user = config.users.get(name)
    if user is None:
        return None
    return Principal("user", name, "explain", None, user.teams, user.email, tags=user.tags)


def _metadata(text: str) -> dict[str, str] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        return None
    return found


async def _decide(
    config: Config, principal: Principal, metadata: dict[str, str], targets: Sequence[Target],
    args: argparse.Namespace,
) -> Rows:  # fmt: skip
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    call = LlmCall(args.operation, args.model, False, args.max_tokens, 1, ())
    shared = shared_part(
        principal=principal, metadata=metadata, environment=config.gateway.environment,
        call=call, dialect="openai", input_tokens=args.input_tokens, time=args.time or now,
    )  # fmt: skip
    inputs = for_targets(shared, targets)
    engine = engine_for(config.gateway.policy)
    try:
        decisions = await engine.decide(inputs)
    finally:
        await engine.close()
    return list(zip(targets, decisions, inputs, strict=True))


def _print_rows(rows: Rows, as_json: bool) -> None:
    for target, decision, _ in rows:
        _say(f"{'ALLOW' if decision.allow else 'DENY '} {target.name}")
        for reason in decision.reasons:
            _say(f"      {reason}")
        if decision.obligations:
            _say(f"      obligations: {json.dumps(decision.obligations)}")
        if decision.faults:
            _say(f"      faults: {', '.join(decision.faults)}")
    if as_json:
        print(json.dumps([
            {"target": target.name, "allow": decision.allow, "reasons": decision.reasons,
             "obligations": decision.obligations, "faults": decision.faults, "input": document}
            for target, decision, document in rows
        ], default=dict))  # fmt: skip
    elif rows:
        _say(f"input of {rows[0][0].name}:")
        _say(json.dumps(rows[0][2], indent=2, default=dict))
