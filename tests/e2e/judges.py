"""Somebody to ask: a webhook service and a model that judges, each on a thread of its own.

`Judges.says` is the webhook's verdict; from `hold()` on both wait for `free()`. The model answers
like a chat completion; it objects to a text that holds `objects_to`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.guardrails.judge.given import scored

Json = dict[str, Any]
PASS: Json = {"verdict": True}
DENY: Json = {"verdict": False, "message": "not in this house"}
WAIT_S = 20.0


class Judges:
    """What they were asked, and what they are to say."""

    def __init__(self) -> None:
        self.says: Json = PASS
        self.objects_to = "\0"
        self.webhooks: list[Json] = []
        self.questions: list[Json] = []
        self.called = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self.url = ""

    def hold(self) -> None:
        self.called.clear()
        self._free.clear()

    def free(self) -> None:
        self._free.set()

    def answer(self, path: str, body: Json) -> Json:
        (self.webhooks if path == "/judge" else self.questions).append(body)
        self.called.set()
        self._free.wait(WAIT_S)
        if path == "/judge":
            return self.says
        objects = self.objects_to in json.dumps(body, ensure_ascii=False)
        return _completion(scored(1.0 if objects else 0.0, body))


def _completion(text: str) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", "content": text},
              "finish_reason": "stop"}  # fmt: skip
    usage = {"prompt_tokens": 300, "completion_tokens": 30, "total_tokens": 330}
    return {"id": "j", "object": "chat.completion", "created": 1, "model": "judge",
            "choices": [choice], "usage": usage}  # fmt: skip


@contextmanager
def judges() -> Iterator[Judges]:
    made = Judges()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            out = json.dumps(made.answer(self.path, body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.free()
        server.shutdown()
        server.server_close()
