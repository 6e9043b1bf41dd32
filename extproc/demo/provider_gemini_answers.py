"""Gemini's answers (ai.google.dev/api/generate-content, "GenerateContentResponse").

Promises: usage on every chunk, growing, without the counts that are 0; no mark at a stream's
end but `finishReason` on its last chunk; a function call whole in one chunk, with `STOP` as its
finish; CR LF after events, or one JSON array where no events were asked for. The signature of the
thoughts stands on the first function call, else on the last text part. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from extproc.demo.provider_gemini import event
from extproc.demo.provider_gemini_shapes import normal
from extproc.demo.provider_openai_answers import vector
from extproc.demo.provider_reply import (
    Ask,
    Frame,
    Reply,
    running_thought,
    running_words,
    tool_words,
    words,
)
from extproc.demo.provider_seal import seal

Json = dict[str, Any]
FINISH = {"end": "STOP", "length": "MAX_TOKENS", "stop_sequence": "STOP", "tools": "STOP"}
EMBEDDING_SIZE = 768


def usage(reply: Reply, generated: int) -> Json | None:
    """`candidatesTokenCount` leaves the thoughts out; the total has them."""
    script = reply.script.usage
    if script.raw is not None:
        return dict(script.raw)
    if script.hidden:
        return None
    thoughts = min(generated, reply.reasoning)
    candidates = generated - thoughts
    counted = {
        "promptTokenCount": reply.reported_input,
        "candidatesTokenCount": candidates,
        "totalTokenCount": reply.reported_input + candidates + thoughts,
        "cachedContentTokenCount": script.cached,
        "thoughtsTokenCount": thoughts,
    }
    found: Json = {name: count for name, count in counted.items() if count}
    found["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": reply.reported_input}]
    return found


def _parts(ask: Ask, reply: Reply) -> list[Json]:
    parts: list[Json] = []
    if reply.thought and ask.shows_thought:
        parts.append({"text": reply.thought, "thought": True})
    if reply.text or not reply.tools:
        parts.append({"text": reply.text})
    calls: list[Json] = [
        {"functionCall": {"name": call.name, "args": dict(call.arguments)}} for call in reply.tools
    ]
    if _signs(ask, reply):
        (calls or parts)[-1 if not calls else 0]["thoughtSignature"] = seal("gemini")
    return parts + calls


def _signs(ask: Ask, reply: Reply) -> bool:
    return bool(reply.thought) or (ask.model.startswith("gemini-3") and bool(reply.tools))


def _answer(ask: Ask, number: int, candidates: list[Json], counted: Json | None) -> Json:
    answer: Json = {"candidates": candidates}
    if counted is not None:
        answer["usageMetadata"] = counted
    return {**answer, "modelVersion": ask.model, "responseId": f"r{number:021x}"}


def _candidate(index: int, parts: list[Json], finish: str | None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    return {**candidate, "index": index}


def whole(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    parts, finish = _parts(ask, reply), FINISH[reply.finish]
    candidates = [_candidate(index, parts, finish) for index in range(ask.choices)]
    answer = _answer(ask, number, candidates, usage(reply, reply.reported_output))
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def frames(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    for chunk, generated in _chunks(ask, reply, number):
        yield Frame(event(chunk), generated)


def array(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    """Without `alt=sse`: the elements of one JSON array."""
    before = b"["
    for chunk, generated in _chunks(ask, reply, number):
        yield Frame(before + orjson.dumps(chunk, option=orjson.OPT_INDENT_2), generated)
        before = b"\n,\r\n"
    yield Frame(b"\n]", reply.generated)


def _chunks(ask: Ask, reply: Reply, number: int) -> Iterator[tuple[Json, int]]:
    """Each chunk with the tokens generated up to it; the last one says how it ended."""
    pieces = list(_pieces(ask, reply)) or [({"text": ""}, 0)]
    for at, (part, generated) in enumerate(pieces):
        last = at == len(pieces) - 1
        finish = FINISH[reply.finish] if last else None
        candidates = [_candidate(index, [part], finish) for index in range(ask.choices)]
        so_far = reply.reported_output if last else reply.billed_after(generated)
        yield _answer(ask, number, candidates, usage(reply, so_far)), generated * ask.choices


def _pieces(ask: Ask, reply: Reply) -> Iterator[tuple[Json, int]]:
    if ask.shows_thought:
        for piece, generated in running_thought(reply):
            yield {"text": piece, "thought": True}, generated
    generated = words(reply.thought)
    for piece, so_far in running_words(reply):
        generated = so_far
        yield {"text": piece}, generated
    for index, call in enumerate(reply.tools):
        generated += tool_words(call)
        part: Json = {"functionCall": {"name": call.name, "args": dict(call.arguments)}}
        if index == 0 and _signs(ask, reply):
            part["thoughtSignature"] = seal("gemini")
        yield part, generated
    if reply.thought and not reply.tools:
        # The signature of a text comes in an empty part of its own, at the very end.
        yield {"text": "", "thoughtSignature": seal("gemini")}, generated


def count(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    details = [{"modality": "TEXT", "tokenCount": reply.reported_input}]
    return orjson.dumps({"totalTokens": reply.reported_input, "promptTokensDetails": details})


def embed(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return orjson.dumps({"embedding": _embedding(normal(body))})


def batch(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return orjson.dumps({"embeddings": [_embedding(one) for one in normal(body)["requests"]]})


def _embedding(request: Json) -> Json:
    size = request.get("outputDimensionality") or EMBEDDING_SIZE
    text = " ".join(part.get("text", "") for part in request["content"]["parts"])
    return {"values": vector(text, size)}


def predict(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """Vertex's older embeddings (cloud.google.com, "Text embeddings API")."""
    size = (body.get("parameters") or {}).get("outputDimensionality") or EMBEDDING_SIZE
    predictions = [
        {"embeddings": {"values": vector(one["content"], size),
                        "statistics": {"truncated": False, "token_count": words(one["content"])}}}
        for one in body["instances"]
    ]  # fmt: skip
    characters = sum(len(one["content"]) for one in body["instances"])
    meta = {"billableCharacterCount": characters}
    return orjson.dumps({"predictions": predictions, "metadata": meta})
