"""HTTP as bytes, for what no client library would send: bad paths, bad bodies, bad headers."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 15


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Header names in lower case; `body` whole. Status 0: the connection was closed instead."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def decision_id(self) -> str:
        return self.headers["x-envelope-decision-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def send(url: str, request: bytes) -> RawAnswer:
    """Send exactly these bytes on a connection of their own and read one answer."""
    return await asyncio.to_thread(_send, url, request)


def _send(url: str, request: bytes) -> RawAnswer:
    where = urlsplit(url)
    method = request.split(b" ", 1)[0].decode("latin-1")
    with socket.create_connection((where.hostname, where.port), TIMEOUT_S) as connection:
        # Refused before all was sent: the answer is there to be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return RawAnswer(0, {}, b"")
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return RawAnswer(answer.status, headers, answer.read())


async def hang_up(url: str, request: bytes) -> None:
    """Send these bytes and close the connection."""
    where = urlsplit(url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def post(path: str, key: str, body: bytes, *lines: str) -> bytes:
    """A POST of a JSON body with its length; `lines` are further header lines, or replace these."""
    given = {line.partition(":")[0].lower() for line in lines}
    usual = [
        "host: gateway",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    kept = [line for line in usual if line.partition(":")[0] not in given]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *kept, *(x for x in lines if x), "", ""])
    return head.encode("latin-1") + body


def chunked(body: bytes, size: int = 65_536) -> bytes:
    """A body in chunks (RFC 9112, 7.1)."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
