"""The gateway's own fixed answer, read by the official SDKs from a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import openai
import pytest

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import LlmCall
from extproc.llm.fixed_answer import FixedAnswer, fixed_answer
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS

TEXT = 'Come back "tomorrow".\nBest, the budget'
ID = "0e270c46-35c4-4439-901b-74b9cb3ab75f"


def answer(*, stream: bool, choices: int = 1, usage: bool = False) -> FixedAnswer:
    call = LlmCall("chat", "prod/smart", stream, None, choices, ())
    asked = {"stream_options": {"include_usage": usage}}
    return FixedAnswer(TEXT, call, ID, 1_790_000_000, asked)


@contextmanager
def serving(made: tuple[bytes, str] | None) -> Iterator[str]:
    """A server that answers every POST with these bytes."""
    assert made is not None
    body, content_type = made

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_openai_whole() -> None:
    """Contract 3: the SDK reads it like any other answer; nothing was used."""
    with serving(fixed_answer(OPENAI_CHAT, answer(stream=False, choices=2))) as url:
        client = openai.OpenAI(base_url=url, api_key="x", max_retries=0)
        read = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
    assert [(c.index, c.message.content, c.finish_reason) for c in read.choices] == [
        (0, TEXT, "stop"), (1, TEXT, "stop"),
    ]  # fmt: skip
    assert read.usage is not None and read.usage.total_tokens == 0
    assert (read.model, read.object, read.created) == (
        "prod/smart", "chat.completion", 1_790_000_000,
    )  # fmt: skip
    assert ID.replace("-", "") in read.id


@pytest.mark.parametrize("usage", [False, True])
def test_openai_streamed(usage: bool) -> None:
    """Contract 3: deltas, a reason to stop, `[DONE]`; usage where it was asked for."""
    with serving(fixed_answer(OPENAI_CHAT, answer(stream=True, usage=usage))) as url:
        client = openai.OpenAI(base_url=url, api_key="x", max_retries=0)
        chunks = list(
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x"}], stream=True
            )
        )
    deltas = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(d.delta.content or "" for d in deltas) == TEXT
    assert deltas[0].delta.role == "assistant"
    assert [d.finish_reason for d in deltas] == [None, None, "stop"]
    assert [c.usage.total_tokens for c in chunks if c.usage] == ([0] if usage else [])
    assert len({chunk.id for chunk in chunks}) == 1


def test_anthropic_whole() -> None:
    """Contract 3: the same for Anthropic's SDK."""
    with serving(fixed_answer(ANTHROPIC_MESSAGES, answer(stream=False))) as url:
        client = anthropic.Anthropic(base_url=url, api_key="x", max_retries=0)
        read = client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    (block,) = read.content
    assert block.type == "text" and block.text == TEXT
    assert (read.stop_reason, read.role, read.type) == ("end_turn", "assistant", "message")
    assert (read.usage.input_tokens, read.usage.output_tokens) == (0, 0)


def test_anthropic_streamed() -> None:
    """Contract 3: every event in its place; the SDK builds the message from them."""
    with serving(fixed_answer(ANTHROPIC_MESSAGES, answer(stream=True))) as url:
        client = anthropic.Anthropic(base_url=url, api_key="x", max_retries=0)
        with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as stream:
            text = "".join(stream.text_stream)
            read = stream.get_final_message()
    assert text == TEXT
    assert read.stop_reason == "end_turn" and read.usage.output_tokens == 0


def test_embeddings_have_none() -> None:
    """Degrade: vectors are no text."""
    call = LlmCall("embeddings", "m", False, None, 1, ())
    assert fixed_answer(OPENAI_EMBEDDINGS, FixedAnswer(TEXT, call, ID, 0)) is None
