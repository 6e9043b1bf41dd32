"""Make everything that was kept of one tenant unreadable, by destroying the keys it is under.

Nothing of it can be brought back, by anybody. The log stays as it is, and verifies. Gateways that
share the store do the same within seconds and record it themselves; those that are not running now
do it when they start, for 90 days.

NAME is a tenant (`audit.content.key_per`): `tenant:acme`, `team:sales`, `user:eve@example.com`,
`virtualaccount:bot` or `metadata.KEY:VALUE`. A name alone will do where only one of them is kept.
Exit code 1: nothing is kept under that name, or not every gateway could be told.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time

from extproc.audit.content.announce import announce
from extproc.audit.content.erase import ACTION, erase, holds, mark_recorded
from extproc.audit.content.keys import KEYS
from extproc.audit.content.values import Tenant
from extproc.audit.journal import record_action
from extproc.audit.values import AuditUnavailable
from extproc.cli.audit.options import FINE, NO, USAGE, say
from extproc.identity.internal_key import FILE_NAME, SecretUnusable, secret_at
from extproc.state import StateDir
from extproc.store_client import StoreRefused, StoreUnavailable, connect

KINDS = ("tenant", "team", "user", "virtualaccount")
TIMEOUT_MS = 3_000


def configure(part: argparse.ArgumentParser) -> None:
    part.description, part.formatter_class = __doc__, argparse.RawDescriptionHelpFormatter
    add = part.add_argument
    add("--tenant", required=True, metavar="NAME", help="whose content")
    add("--reason", default="", metavar="TEXT", help="stands in the log for ever: no names in it")
    add("--store", metavar="URL", help="that gateways share (default: the running gateway's)")


def run(args: argparse.Namespace) -> int:
    state = StateDir(args.state)
    folder = state.audit / KEYS
    if not (state.secrets / FILE_NAME).exists():
        return say(f"{args.state} is not the state folder of a gateway", USAGE)
    try:
        secret = secret_at(state.secrets)
    except SecretUnusable as error:
        return say(str(error), USAGE)
    kept = [one for one in _named(args.tenant) if holds(folder, secret, one)]
    if len(kept) > 1:
        return say(f"say which is meant: {', '.join(map(str, kept))}", USAGE)
    meant = kept or _named(args.tenant)
    if len(meant) > 1:
        text = f"nothing is kept here under the name {args.tenant}; to have other gateways erase, "
        return say(text + f"say which is meant: {', '.join(map(str, meant))}", NO)
    return _erase(args, state, secret, meant[0], found=bool(kept))


def _erase(
    args: argparse.Namespace, state: StateDir, secret: bytes, tenant: Tenant, *, found: bool
) -> int:
    """Here first, then everywhere else."""
    erasure_id, at_ms = secrets.token_hex(12), time.time_ns() // 1_000_000
    if found:
        code = _here(state, secret, tenant, erasure_id, at_ms, args.reason)
    else:
        code = say(f"nothing is kept here of {tenant}", NO)
    store = args.store or (state.running() or {}).get("store")
    if store:
        try:
            asyncio.run(_tell(str(store), tenant, erasure_id, at_ms, args.reason))
        except (StoreUnavailable, StoreRefused) as error:
            return say(f"other gateways are not told: {error}. Run it again with --store", NO)
    return code


def _here(
    state: StateDir, secret: bytes, tenant: Tenant, erasure_id: str, at_ms: int, reason: str
) -> int:
    folder = state.audit / KEYS
    done = erase(folder, secret, tenant, erasure_id=erasure_id, at_ms=at_ms, reason=reason)
    if done is None:
        return FINE
    say(f"erased: {len(done.key_ids)} keys destroyed ({', '.join(done.key_ids)})")
    try:
        record_action(state, ACTION, target=done.tag, details=done.details())
    except AuditUnavailable as error:
        return say(f"not recorded yet: {error}. The gateway records it when it can", NO)
    mark_recorded(folder, erasure_id)
    return FINE


async def _tell(url: str, tenant: Tenant, erasure_id: str, at_ms: int, reason: str) -> None:
    client = await connect(url, TIMEOUT_MS)
    try:
        await announce(client, tenant, erasure_id=erasure_id, at_ms=at_ms, reason=reason)
    finally:
        await client.aclose()


def _named(text: str) -> list[Tenant]:
    kind, colon, name = text.partition(":")
    if colon and (kind in KINDS or kind.startswith("metadata.")):
        return [Tenant(kind, name)]
    return [Tenant(kind, text) for kind in KINDS]
