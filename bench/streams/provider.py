"""The stream that is measured: prose, a word a frame, each frame stamped when it is written.

    python -m bench.streams.provider READY_FILE FRAMES PAUSE_S

Promises: OpenAI's frames as the demo's provider makes them; the stamp stands in for the
fingerprint, which no guardrail reads, and is as long. Stamps are of the monotonic clock, which all
processes of a machine share.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import uvloop

from bench.guardrail_quality.bodies import PROSE
from bench.setups import HOST
from extproc.demo.provider_fixed import CREATED, INPUT_TOKENS, MODEL, Canned, Counts, FixedProtocol
from extproc.demo.provider_openai_answers import FINGERPRINT, frames
from extproc.demo.provider_plan import Options
from extproc.demo.provider_reply import Ask, compose
from extproc.demo.provider_script import Script
from extproc.guardrails.redaction import Vault, tenant_key
from extproc.server.child import Child, python

PATH = "/v1/chat/completions"
EMAIL = "ada.lovelace@example.com"
TEAM = "bench"
SECRET = b"a key for placeholders in benchmarks"
_WRAP = 1 << 40
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"x-request-id: req_fixed\r\ntransfer-encoding: chunked\r\n\r\n"
)


class CannotMeasure(Exception):
    """What was to be compared did not happen as it should."""


def placeholder() -> str:
    """What stands for EMAIL in this tenant's requests, brackets included."""
    vault = Vault(tenant_key(SECRET, f"team:{TEAM}\0"))
    return vault.redact("pseudonym", "EMAIL", EMAIL, "")


def tokens(count: int) -> list[str]:
    """Prose, a word with its space a token; in its middle the placeholder, in three tokens."""
    words = [f" {word}" for word in islice(cycle(" ".join(PROSE).split()), count)]
    name, at = placeholder(), count // 2
    words[at : at + 3] = [f" {name[:5]}", name[5:10], name[10:]]
    return words


class Stamped(Sequence[bytes]):
    """A stream's writes, each stamped when it is taken: that is when it is written."""

    def __init__(self, count: int) -> None:
        ask = Ask(MODEL, "", INPUT_TOKENS, include_usage=True)
        pieces = tokens(count)
        reply = compose(ask, Script(reply="".join(pieces)), cached_inside=True)
        data = [f.data for f in frames(ask, replace(reply, pieces=tuple(pieces)), 1, CREATED)]
        writes = [b"%x\r\n%b\r\n" % (len(one), one) for one in data]
        writes[0] = _HEAD + writes[0]
        writes[-1] += b"0\r\n\r\n"
        self._parts = [one.partition(FINGERPRINT.encode()) for one in writes]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self._parts)))]
        before, found, after = self._parts[at]
        return before + stamp(time.monotonic_ns()) + after if found else before


def stamp(now_ns: int) -> bytes:
    """The lower 40 bits of nanoseconds: 18 minutes."""
    return b"fp_%010x" % (now_ns % _WRAP)


def since_ns(stamped: str, now_ns: int) -> int:
    """How long ago that was."""
    return (now_ns - int(stamped.removeprefix("fp_"), 16)) % _WRAP


async def serve(ready: Path, count: int, pause_s: float) -> None:
    """Answer until ended; `ready` is written when it listens, and holds the port."""
    route = PATH.encode()
    canned = Canned({route: b""}, {(route, True): Stamped(count)})
    options = Options(fixed=True, fixed_tokens=count, fixed_pause=pause_s)
    answering = partial(FixedProtocol, canned, options, Counts())
    listener = await asyncio.get_running_loop().create_server(answering, HOST, 0, backlog=256)
    part = ready.with_suffix(".part")
    part.write_text(str(listener.sockets[0].getsockname()[1]))
    part.replace(ready)
    await listener.serve_forever()


@asynccontextmanager
async def provider(count: int, pause_s: float) -> AsyncIterator[int]:
    """A process of its own; its port."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ready, log = Path(folder) / "port", Path(folder) / "log"
        command = python("bench.streams.provider", str(ready), str(count), str(pause_s))
        child = Child("provider", command, log=log)
        try:
            while not ready.exists():
                if not child.alive:
                    raise CannotMeasure(f"no provider: {log.read_text()[-500:]}")
                await asyncio.sleep(0.02)
            yield int(ready.read_text())
        finally:
            await child.stop(grace_s=2)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
