"""An `opa run --server` child: start, load policies, ask, stop."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class OpaProcess:
    """Owns the child and one connection to it."""

    def __init__(self, binary: str, folder: Path) -> None:
        # A socket path holds at most 107 bytes; a test's own folder may be longer.
        self.short = tempfile.TemporaryDirectory(prefix="opa")
        self.socket = f"{self.short.name}/s"
        self.port = free_port()
        self.log = (folder / "opa.log").open("wb")
        self.child = subprocess.Popen(
            [binary, "run", "--server", "--disable-telemetry", "--log-level=error",
             f"--addr=unix://{self.socket}", f"--addr=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _wait(self) -> None:
        pause = threading.Event()
        for _ in range(500):
            try:
                if self.call("GET", "/health")[0] == 200 and Path(self.socket).exists():
                    return
            except OSError:
                pause.wait(0.02)
        raise AssertionError("OPA did not start")

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return response.status, json.loads(text) if text else None

    def clear(self) -> None:
        """Forget every policy and document."""
        for policy in self.call("GET", "/v1/policies")[1]["result"]:
            self.call("DELETE", f"/v1/policies/{quote(policy['id'])}")
        self.call("PUT", "/v1/data", b"{}")

    def compile(self, text: str) -> str:
        """'' when OPA takes this one policy, else its first message; leaves nothing behind."""
        status, answer = self.call("PUT", "/v1/policies/candidate", text.encode())
        if status == 200:
            self.call("DELETE", "/v1/policies/candidate")
            return ""
        return str(answer.get("errors", [answer])[0].get("message", "refused"))

    def value(self, path: str, document: Mapping[str, Any]) -> Any:
        """The value of `data.<path>` for an input; KeyError when undefined."""
        body = json.dumps({"input": document}).encode()
        return self.call("POST", f"/v1/data/{path}", body)[1]["result"]

    def stop(self) -> None:
        self.child.kill()
        self.child.wait()
        self.log.close()
        self.short.cleanup()
