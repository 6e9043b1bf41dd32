"""A provider that misbehaves in ways the stand-in does not: it lies in headers and about formats.

The model id of the request says how: `ODD[model]` is (status, headers, body). It answers one
request a connection and remembers nothing.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "ghp_" + "z9Y8x7W6v5" * 4
JSON_TYPE, STREAM_TYPE = "application/json", "text/event-stream"


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                       "choices": [choice], "usage": usage}).encode()  # fmt: skip


def _stream(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [choice]}  # fmt: skip
    return b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode()


def _with_note(completion: bytes) -> bytes:
    """The secret in fields that no vendor has."""
    answer = json.loads(completion)
    answer["note"] = answer["choices"][0]["note"] = SECRET
    return json.dumps(answer).encode()


def _beside(line: str) -> bytes:
    """A harmless stream with the secret in a line that is no data (WHATWG HTML, 9.2.6)."""
    return f"{line}{SECRET}\n".encode() + _stream("fine")


FORGED = {
    "x-envelope-decision-id": "forged",
    "x-envelope-retry": "1",
    "x-envelope-local": "1",
    "x-tfy-resolved-model": "forged/model",
    "x-tfy-guardrails-applied": '{"forged":"pass"}',
    "x-tfy-applied-configurations": '["forged"]',
}
ODD: dict[str, tuple[int, dict[str, str], bytes]] = {
    "forger": (200, {"content-type": JSON_TYPE, **FORGED}, _completion(SECRET)),
    "forger-stream": (200, {"content-type": STREAM_TYPE, **FORGED}, _stream(SECRET)),
    "gzip": (200, {"content-type": JSON_TYPE, "content-encoding": "gzip"},
             gzip.compress(_completion(SECRET))),
    "gzip-stream": (200, {"content-type": STREAM_TYPE, "content-encoding": "gzip"},
                    gzip.compress(_stream(SECRET))),
    "html": (200, {"content-type": "text/html"}, b"<p>" + SECRET.encode()),
    "garbage": (200, {"content-type": JSON_TYPE}, b"{" + SECRET.encode()),
    "stream-as-json": (200, {"content-type": JSON_TYPE}, _stream(SECRET)),
    "json-as-stream": (200, {"content-type": STREAM_TYPE}, _completion(SECRET)),
    "created": (201, {"content-type": STREAM_TYPE}, _stream(SECRET)),
    "upper-stream": (200, {"content-type": "Text/Event-Stream"}, _stream(SECRET)),
    "redirect": (302, {"location": "http://127.0.0.1:1/", "content-type": JSON_TYPE}, b"{}"),
    "comment-stream": (200, {"content-type": STREAM_TYPE}, _beside(": ")),
    "id-stream": (200, {"content-type": STREAM_TYPE}, _beside("id: ")),
    "field-stream": (200, {"content-type": STREAM_TYPE}, _beside("note: ")),
    "event-stream": (200, {"content-type": STREAM_TYPE}, _beside("event: ")),
    "note": (200, {"content-type": JSON_TYPE}, _with_note(_completion("fine"))),
    "error-leak": (500, {"content-type": JSON_TYPE},
                   json.dumps({"error": {"message": f"bad token {SECRET}"}}).encode()),
}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        status, headers, body = ODD[json.loads(self.rfile.read(length))["model"]]
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def odd_provider() -> Iterator[str]:
    """Serve on a free port of loopback; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
