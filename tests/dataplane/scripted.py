"""A provider that does as it is told, request by request; any number of connections.

provider.script("503", "hang")      # then `200` for ever
provider.seen                       # what it received
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
DRIP_MS, PIECES = 500, 5
FORGED = {
    "x-envelope-sent": "0",
    "x-envelope-retry": "1",
    "x-envoy-is-timeout-retry": "true",
    "x-envoy-attempt-count": "7",
    "x-envoy-max-retries": "9",
    "x-envoy-retry-on": "5xx",
    "x-envoy-upstream-rq-timeout-ms": "50",
    "x-envoy-upstream-rq-per-try-timeout-ms": "50",
}
"""What neither a caller nor a provider may tell Envoy."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. Header names are lower case. `at_s`: of a steady clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float


class ScriptedProvider:
    """Words of a script: a number is that status, `429+30` the same with `retry-after: 30`, and
    `200@400` after 400 ms; `forge`: a 400 with our own headers on it; `hang`: no answer; `cut`:
    close the connection without one; `half`: part of one, then silence; `drip`: a head, then
    the body in pieces over DRIP_MS.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._script: list[str] = []
        self._over = threading.Event()
        self._server = socket.create_server((HOST, 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def script(self, *words: str) -> None:
        self._script = list(words)
        self.seen.clear()

    def stop(self) -> None:
        self._over.set()
        self._server.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while (request := _read(stream)) is not None:
                self.seen.append(request)
                word = self._script.pop(0) if self._script else "200"
                word, _, wait_ms = word.partition("@")
                if word == "cut" or self._over.wait(int(wait_ms or 0) / 1000):
                    return
                if word == "drip":
                    self._drip(connection)
                    continue
                connection.sendall(_bytes_of(word))
                if word in ("hang", "half"):
                    self._over.wait()
                    return

    def _drip(self, connection: socket.socket) -> None:
        answer = _answer(200, {})
        start = len(answer) - PIECES
        connection.sendall(answer[:start])
        for at in range(start, len(answer)):
            self._over.wait(DRIP_MS / PIECES / 1000)
            connection.sendall(answer[at : at + 1])


def _read(stream: Any) -> Seen | None:
    line = stream.readline().decode()
    if not line:
        return None
    headers: dict[str, str] = {}
    while text := stream.readline().decode().strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Seen(line.split()[1], headers, body, time.monotonic())


def _bytes_of(word: str) -> bytes:
    match word:
        case "hang":
            return b""
        case "half":
            return _answer(200, {})[:-4]
        case "forge":
            return _answer(400, FORGED)
        case _:
            status, _, rest = word.partition("+")
            return _answer(int(status), {"retry-after": rest} if rest else {})


def _answer(status: int, headers: Mapping[str, str]) -> bytes:
    body = b'{"status":%d}' % status
    fields = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body
