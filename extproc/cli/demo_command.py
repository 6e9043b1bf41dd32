"""Take the guided tour of a governed gateway, and check that it keeps its word.

Starts `envelope up --demo` on free ports: a private store, workers, Envoy and a provider stand-in.
Then the official openai client calls through it as well-behaved, confused and hostile callers
would. Of each call the table shows what was expected, what happened, the decision id under which
the audit log has it, and its cost; what reached the provider is asked of the provider. At the end
the gateway stops, its audit log is verified offline, and a forged copy must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extproc.demo import tour_table
from extproc.demo.tour import run_tour
from extproc.demo.tour_chapters import STEPS
from extproc.demo.tour_gateway import GatewayNotStarted
from extproc.demo.tour_step import Chapter, Row

FINE, NO, USAGE, TERMINATED = 0, 1, 2, 128 + signal.SIGTERM
EPILOG = """\
Nothing outside this machine is called, no configuration and no key is needed. It takes some ten
seconds; Ctrl-C stops it and everything it started. A second tour on one folder waits until the
minute of the first one's rate limit is over.

  envelope demo                         the tour, leaving nothing behind
  envelope demo --state tour            the same, and then look around:
  envelope audit query --state tour --outcome refused
  envelope usage --state tour --by principal,model
  less tour/demo/gateway.yaml           the configuration that did it
  envelope demo --json | jq '.[] | select(.ok | not)'

exit codes: 0 everything went as expected, 1 something did not, 2 the gateway did not start
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("--state", type=Path, metavar="DIR",
                        help="keep the audit log, the configuration and the gateway's output in "
                        "this folder (default: a temporary one, removed at the end)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the rows as a JSON list on stdout, "
                        "instead of the table")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Take the tour; 0 only if every step went as expected."""
    screen = Screen(table=not args.json, progress=sys.stderr.isatty())
    try:
        with _folder(args.state) as state:
            rows = asyncio.run(_tour(state, screen))
    except asyncio.CancelledError:
        return TERMINATED
    except (GatewayNotStarted, OSError) as error:
        print(f"envelope demo: {error}", file=sys.stderr)
        return USAGE
    finally:
        screen.clear()
    if args.json:
        print(json.dumps([row.to_json() for row in rows], indent=2))
    fine = len(rows) == STEPS and all(row.ok for row in rows)
    # Beside the table it belongs to it; beside JSON it is for people.
    print(f"\n{tour_table.summary(rows, STEPS)}", file=sys.stderr if args.json else sys.stdout)
    if not fine and args.state is None:
        print("run it again with --state DIR to keep its logs", file=sys.stderr)
    return FINE if fine else NO


async def _tour(state: Path, screen: Screen) -> list[Row]:
    """As Ctrl-C does by itself, SIGTERM ends the tour through its `finally` blocks."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_tour(state, screen)


@contextmanager
def _folder(state: Path | None) -> Iterator[Path]:
    if state is not None:
        yield state
        return
    with tempfile.TemporaryDirectory(prefix="envelope-demo-") as folder:
        yield Path(folder)


class Screen:
    """The table on stdout, row by row; on a terminal one line of stderr says what goes on."""

    def __init__(self, *, table: bool, progress: bool) -> None:
        self._table, self._progress, self._begun = table, progress, False

    def doing(self, what: str) -> None:
        if self._progress:
            print(f"\r\x1b[K{what} ...", end="", file=sys.stderr, flush=True)

    def opened(self, chapter: Chapter) -> None:
        if not self._begun:
            self._show(tour_table.header())
        self._begun = True
        self._show(tour_table.chapter(chapter.title))

    def took(self, row: Row) -> None:
        self._show(tour_table.row_text(row))

    def clear(self) -> None:
        """Take the progress line away."""
        if self._progress:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self, text: str) -> None:
        self.clear()
        if self._table:
            print(text, flush=True)
