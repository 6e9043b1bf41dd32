"""`envelope audit tail`: the latest entries, and those that come."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from extproc.audit.read import entries, follow, last_lines
from extproc.cli.audit.options import FINE, add_json, count, log_folder
from extproc.cli.audit.showing import show, stream


def configure(part: argparse.ArgumentParser) -> None:
    part.add_argument("-n", type=count, default=20, metavar="N", help="how many (default 20)")
    part.add_argument("--follow", "-f", action="store_true", help="go on as entries come")
    add_json(part)


def run(args: argparse.Namespace) -> int:
    folder = log_folder(args)
    found, offset = last_lines(folder, args.n)
    if args.follow:
        later = follow(folder, offset, _pause)
        stream(entries(_both(found, later)), args.json)
    else:
        show(entries(found), args.json)
    return FINE


def _both(first: list[bytes], later: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from later


def _pause() -> bool:
    time.sleep(0.25)
    return True
