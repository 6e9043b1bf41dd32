"""A tap between a client and its store: it counts commands and keeps their bytes.

What it has recorded can be sent again, from several connections and without waiting for a reply
before the next command: that is how the store, and not the client, becomes the bottleneck. A
reservation that is settled may be made again under its id, so a recording of whole calls replays.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hiredis

CHUNK = 1 << 18
IN_FLIGHT = 64


@dataclass(slots=True)
class Recording:
    """`commands`: each as it went over the line."""

    commands: list[list[bytes]] = field(default_factory=list)

    def names(self) -> Counter[str]:
        return Counter(command[0].decode().upper() for command in self.commands)

    def scripts(self) -> list[list[bytes]]:
        """The ledger's own."""
        return [command for command in self.commands if command[0].upper() == b"EVALSHA"]


@asynccontextmanager
async def tap(socket: Path) -> AsyncIterator[tuple[Path, Recording]]:
    """Listen beside the store's socket; forward everything both ways."""
    recording, ours = Recording(), socket.with_name("tap")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        down, up = await asyncio.open_unix_connection(str(socket))
        try:
            await asyncio.gather(_record(reader, up, recording), _forward(down, writer))
        finally:
            up.close()
            writer.close()

    server = await asyncio.start_unix_server(serve, str(ours))
    try:
        yield ours, recording
    finally:
        server.close()


async def _record(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recording: Recording
) -> None:
    """A command is an array of strings, as a reply may be: the reply parser reads it."""
    parser = hiredis.Reader()
    while data := await reader.read(CHUNK):
        parser.feed(data)
        while (command := parser.gets()) is not False:
            recording.commands.append(command)
        writer.write(data)
    writer.write_eof()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)


async def replay(socket: Path, commands: Sequence[Sequence[bytes]], lines: int) -> float:
    """Commands a second. `lines` connections share them, IN_FLIGHT under way on each. Consecutive
    pairs (reserve, settle) stay on one line. Raises RuntimeError when the store refuses one."""
    pairs = [commands[n : n + 2] for n in range(0, len(commands) - 1, 2)]
    began = time.perf_counter()
    await asyncio.gather(
        *(_line(socket, [c for pair in pairs[n::lines] for c in pair]) for n in range(lines))
    )
    return len(pairs) * 2 / (time.perf_counter() - began)


async def _line(socket: Path, commands: Sequence[Sequence[Any]]) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    parser, due = hiredis.Reader(), 0
    for start in range(0, len(commands), IN_FLIGHT):
        batch = commands[start : start + IN_FLIGHT]
        writer.write(b"".join(hiredis.pack_command((*c,)) for c in batch))
        due += len(batch)
        while due > IN_FLIGHT // 2 or (due and start + IN_FLIGHT >= len(commands)):
            parser.feed(await reader.read(CHUNK))
            while (reply := parser.gets()) is not False:
                due -= 1
                if isinstance(reply, hiredis.ReplyError) or reply[0] != 1:
                    raise RuntimeError(f"the store refused: {reply}")
    writer.close()
