"""Virtual keys: create, list, revoke and rotate them. A key's secret is shown once.

Keys listed in the configuration (by their SHA-256) are not in this list: they live there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extproc.audit.journal import operator
from extproc.config.load import load
from extproc.config.mistake import did_you_mean
from extproc.config.sources import read_sources
from extproc.identity.key_store import KeyChangeRefused, KeyStore
from extproc.identity.keys import MintedKey
from extproc.identity.lifetime import duration_ms
from extproc.identity.record import KeyRecord
from extproc.state import DEFAULT_STATE, StateDir
from extproc.store import StoreRefused, StoreUnavailable, check_policy, connect, locate

FINE, NO, USAGE = 0, 1, 2
TIMEOUT_MS = 3_000
NAME_CHARS_MAX = 128


class _Usage(Exception):
    """The command cannot be carried out as given; the text says why."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Define `envelope key create | list | revoke | rotate`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = _action(actions, "create", "make a key; its secret is shown once")
    create.add_argument("--account", required=True, help="the virtual account it belongs to")
    create.add_argument("--name", type=_name, default="key", help="what to call it in lists")
    create.add_argument("--expires", type=_length, help="30d, 24h, ... (default: never)")
    create.add_argument("--config", type=Path, help="check there that the account exists")
    _action(actions, "list", "all keys kept in the store, without secrets")
    revoke = _action(actions, "revoke", "end a key for good, everywhere within 5 seconds")
    revoke.add_argument("id", metavar="ID", help="its public id (see `envelope key list`)")
    rotate = _action(actions, "rotate", "make a new key that follows this one")
    rotate.add_argument("id", metavar="ID", help="public id of the key to follow")
    rotate.add_argument("--grace", type=_length, default="24h",
                        help="how long the old key still works (default: 24h)")  # fmt: skip
    rotate.add_argument(
        "--expires", type=_length, help="the new key's end (default: as long a life as the old's)"
    )


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE,
                        help="the gateway's state folder (default: ./.envelope)")  # fmt: skip
    parser.add_argument("--store", metavar="URL", help="ask this store instead")
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry the command out; 0 fine, 1 no such key or not possible, 2 usage or store."""
    try:
        return asyncio.run(_run(args))
    except KeyChangeRefused as no:
        _say(f"envelope key {args.action}: {no}")
        return NO
    except (_Usage, StoreRefused, StoreUnavailable) as error:
        _say(f"envelope key {args.action}: {error}")
        return USAGE


async def _run(args: argparse.Namespace) -> int:
    return await ACTIONS[args.action](args)


async def _create(args: argparse.Namespace) -> int:
    _check_account(args)
    now_ms = _now_ms()
    async with _keys(args) as keys:
        key, record = await keys.create(args.account, args.name, now_ms, _end(args.expires, now_ms))
    _show_minted(args, key, record)
    return FINE


async def _list(args: argparse.Namespace) -> int:
    async with _keys(args) as keys:
        records = await keys.records()
    now_ms = _now_ms()
    if args.json:
        _print_json([_public(record, now_ms) for record in records])
    else:
        _say(_table(_public(record, now_ms) for record in records))
    return FINE


async def _revoke(args: argparse.Namespace) -> int:
    now_ms = _now_ms()
    async with _keys(args) as keys:
        record = await keys.revoke(args.id, now_ms)
    if args.json:
        _print_json(_public(record, now_ms))
    elif record.revoked_ms != now_ms:
        _say(f"{record.id} was revoked before, at {_time(record.revoked_ms)}")
    else:
        _say(f"{record.id} of {record.account} is revoked; every worker refuses it within 5 s")
    if record.rotated_to:
        _say(f"note: {record.rotated_to} followed it and still works")
    return FINE


async def _rotate(args: argparse.Namespace) -> int:
    now_ms = _now_ms()
    async with _keys(args) as keys:
        end_ms = _end(args.expires, now_ms)
        key, record = await keys.rotate(args.id, now_ms, args.grace, end_ms)
    _show_minted(args, key, record)
    return FINE


ACTIONS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
    "create": _create,
    "list": _list,
    "revoke": _revoke,
    "rotate": _rotate,
}


@asynccontextmanager
async def _keys(args: argparse.Namespace) -> AsyncIterator[KeyStore]:
    async with locate(args.state, args.store) as url:
        client = await connect(url, TIMEOUT_MS)
        try:
            await check_policy(client)
            yield KeyStore(client, actor=operator())
        finally:
            await client.aclose()


def _check_account(args: argparse.Namespace) -> None:
    running = StateDir(args.state).running() or {}
    path = args.config or running.get("config")
    if not isinstance(path, str | Path):
        _say(f"note: no configuration at hand; not checked that '{args.account}' exists")
        return
    config = load(read_sources(path))
    if isinstance(config, list):
        raise _Usage(f"the configuration has mistakes:\n{config[0]}")
    if args.account not in config.virtual_accounts:
        hint = did_you_mean(args.account, config.virtual_accounts)
        raise _Usage(f"no virtual account '{args.account}' in {path}{hint}")


def _show_minted(args: argparse.Namespace, key: MintedKey, record: KeyRecord) -> None:
    if args.json:
        _print_json({"key": key.text, **_public(record, record.created_ms)})
        return
    end = "never" if record.expires_ms is None else _time(record.expires_ms)
    _say(f"{key.text}\n")
    _say(f"id {record.id}, account {record.account}, name {record.name}, expires {end}")
    _say("This is the only time the key is shown; the store keeps its SHA-256 alone.")
    if record.rotated_from:
        _say(f"{record.rotated_from} still works for the grace period, at most to its own end.")


def _public(record: KeyRecord, now_ms: int) -> dict[str, str | None]:
    """What may be shown of a key: everything but its hash. Times in RFC 3339, UTC."""
    ended = record.ended(now_ms)
    state = ended.removesuffix(" key") if ended else "rotated" if record.rotated_to else "active"
    return {
        "id": record.id,
        "account": record.account,
        "name": record.name,
        "state": state,
        "created": _time(record.created_ms),
        "expires": _time(record.expires_ms),
        "revoked": _time(record.revoked_ms),
        "rotated_to": record.rotated_to,
        "rotated_from": record.rotated_from,
    }


def _table(rows: Iterable[dict[str, str | None]]) -> str:
    columns = ("id", "account", "name", "state", "created", "expires")
    lines = [[name.upper() for name in columns]]
    lines += [[row[name] or "never" for name in columns] for row in rows]
    if len(lines) == 1:
        return "no keys in the store"
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _name(text: str) -> str:
    if not 0 < len(text) <= NAME_CHARS_MAX or not text.isprintable():
        raise argparse.ArgumentTypeError(f"give 1 to {NAME_CHARS_MAX} printable characters")
    return text


def _length(text: str) -> int:
    try:
        return duration_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _end(length_ms: int | None, now_ms: int) -> int | None:
    if length_ms == 0:
        raise _Usage("--expires 0 would make a key that never works")
    return None if length_ms is None else now_ms + length_ms


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _time(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=2))
