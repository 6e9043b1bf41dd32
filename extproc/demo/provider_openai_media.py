"""OpenAI's other endpoints in the provider stand-in: legacy completions, moderations, images,
speech, transcriptions, and rerank as OpenAI-compatible servers have it.

Promises: refuses unknown fields like the chat endpoint; a file is bytes of the format that was
asked for, recognisable by its first ones. Pages: platform.openai.com/docs/api-reference/
{completions,moderations,images,audio}, and for rerank docs.vllm.ai, "OpenAI-Compatible Server".
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import orjson

from extproc.demo import provider_openai_answers as chat_answers
from extproc.demo.provider_openai import PRETTY, embedding_inputs, event, misshapen, unreadable
from extproc.demo.provider_place import Place
from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong, running_words, words
from extproc.demo.provider_shape import (
    FLAG,
    OBJECT,
    TEXT,
    WHOLE,
    Fields,
    Need,
    among,
    anything,
    either,
    fields,
    filled,
    some,
    tagged,
    within,
)

Json = dict[str, Any]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SOUND = {
    "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "opus": b"OggS\x00\x02" + bytes(8),
    "aac": b"\xff\xf1\x50\x80" + bytes(8),
    "flac": b"fLaC" + bytes(12),
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8),
    "pcm": bytes(16),
}
CATEGORIES = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
]
_TOKENS = either(TEXT, some(either(TEXT, WHOLE, some(WHOLE)), 1))
FIELDS: dict[str, Fields] = {
    "prompt": {
        "model": Need(filled), "prompt": Need(_TOKENS), "best_of": WHOLE, "echo": FLAG,
        "frequency_penalty": within(-2, 2), "logit_bias": OBJECT, "logprobs": WHOLE,
        "max_tokens": within(1, 10**9, whole=True), "n": within(1, 128, whole=True),
        "presence_penalty": within(-2, 2), "seed": WHOLE, "stop": either(TEXT, some(TEXT)),
        "stream": FLAG, "stream_options": OBJECT, "suffix": TEXT, "temperature": within(0, 2),
        "top_p": within(0, 1), "user": TEXT,
    },
    "moderation": {
        "model": TEXT,
        "input": Need(either(TEXT, some(either(TEXT, tagged("type", {
            "text": {"text": Need(TEXT)}, "image_url": {"image_url": Need(OBJECT)}}))))),
    },
    "image": {
        "model": TEXT, "prompt": Need(filled), "background": TEXT, "moderation": TEXT, "n": WHOLE,
        "output_compression": WHOLE, "output_format": among("png", "jpeg", "webp"),
        "partial_images": WHOLE, "quality": TEXT, "response_format": among("url", "b64_json"),
        "size": TEXT, "stream": FLAG, "style": TEXT, "user": TEXT,
    },
    "speech": {
        "model": Need(filled), "input": Need(filled), "voice": Need(anything),
        "instructions": TEXT, "response_format": among(*SOUND), "speed": within(0.25, 4),
        "stream_format": among("sse", "audio"),
    },
    "rerank": {
        "model": Need(filled), "query": Need(filled), "top_n": within(1, 10**6, whole=True),
        "documents": Need(some(either(TEXT, OBJECT), 1)), "return_documents": FLAG,
        "max_tokens_per_doc": WHOLE, "truncate_prompt_tokens": WHOLE, "priority": WHOLE,
    },
}  # fmt: skip


def _read(kind: str, body: Any, text_field: str) -> Wrong | None:
    if "model" not in FIELDS[kind] or not isinstance(FIELDS[kind]["model"], Need):
        body = {"model": "default", **body}
    wrong = unreadable(body, frozenset(FIELDS[kind]), text_field)
    return wrong or misshapen(fields(FIELDS[kind])(body, ()))


def _texts(value: Any) -> list[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [part["text"] for part in value if "text" in part]
    return embedding_inputs(value)


def read_prompt(body: Json, place: Place) -> Ask | Wrong:
    """A legacy completion; several prompts are answered one by one."""
    if wrong := _read("prompt", body, "prompt"):
        return wrong
    texts, stop = embedding_inputs(body["prompt"]), body.get("stop")
    return Ask(
        model=body["model"],
        prompt=texts[-1],
        input_tokens=sum(words(text) for text in texts),
        stream=body.get("stream") is True,
        include_usage=(body.get("stream_options") or {}).get("include_usage") is True,
        max_tokens=body.get("max_tokens") or 16,
        stops=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        choices=(body.get("n") or 1) * len(texts),
    )


def answer_prompt(
    body: Json, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    head = {"id": f"cmpl-{number:029x}", "object": "text_completion", "created": created,
            "model": ask.model}  # fmt: skip
    finish = chat_answers.FINISH[reply.finish]
    if ask.stream:
        return _prompt_frames(head, ask, reply, finish)
    choices = [_prompt_choice(index, reply.text, finish) for index in range(ask.choices)]
    answer = {**head, "choices": choices, "usage": chat_answers.usage(reply)}
    return orjson.dumps(answer, option=PRETTY)


def _prompt_choice(index: int, text: str, finish: str | None) -> Json:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _prompt_frames(head: Json, ask: Ask, reply: Reply, finish: str) -> Iterator[Frame]:
    tail: Json = {"usage": None} if ask.include_usage else {}
    for piece, generated in running_words(reply):
        for index in range(ask.choices):
            data = {**head, "choices": [_prompt_choice(index, piece, None)], **tail}
            yield Frame(event(data), generated * ask.choices)
    for index in range(ask.choices):
        choices = [_prompt_choice(index, "", finish)]
        yield Frame(event({**head, "choices": choices, **tail}), reply.generated)
    if ask.include_usage:
        last = {**head, "choices": [], "usage": chat_answers.usage(reply)}
        yield Frame(event(last), reply.generated)
    yield Frame(chat_answers.DONE, reply.generated)


def read_moderation(body: Json, place: Place) -> Ask | Wrong:
    if wrong := _read("moderation", body, "input"):
        return wrong
    texts = _texts(body["input"])
    model = body.get("model") or "omni-moderation-latest"
    return Ask(model, texts[-1] if texts else "", sum(words(text) for text in texts))


def answer_moderation(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """What says `hurt` is violence; all else is harmless."""
    parts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    groups = [parts] if parts and isinstance(parts[0], dict) else [[part] for part in parts]
    results = [_judged(" ".join(_texts(group))) for group in groups]
    answer = {"id": f"modr-{number:029x}", "model": ask.model, "results": results}
    return orjson.dumps(answer, option=PRETTY)


def _judged(text: str) -> Json:
    hits = {name: name == "violence" and "hurt" in text for name in CATEGORIES}
    return {
        "flagged": any(hits.values()),
        "categories": hits,
        "category_scores": {name: 0.97 if hit else 0.0001 for name, hit in hits.items()},
        "category_applied_input_types": {name: ["text"] if hits[name] else [] for name in hits},
    }


def read_image(body: Json, place: Place) -> Ask | Wrong:
    if wrong := _read("image", body, "prompt"):
        return wrong
    return Ask(body.get("model") or "gpt-image-1", body["prompt"], words(body["prompt"]))


def answer_image(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """Models of the `gpt-image` line always answer with base64, the older ones with a URL."""
    picture: Json = {"b64_json": base64.b64encode(PNG).decode()}
    if not ask.model.startswith("gpt-image") and body.get("response_format") != "b64_json":
        picture = {"url": f"https://images.example/{number}.png", "revised_prompt": ask.prompt}
    answer: Json = {"created": created, "data": [picture] * (body.get("n") or 1)}
    if ask.model.startswith("gpt-image"):
        answer["usage"] = {
            "input_tokens": ask.input_tokens, "output_tokens": 272 * len(answer["data"]),
            "total_tokens": ask.input_tokens + 272 * len(answer["data"]),
            "input_tokens_details": {"text_tokens": ask.input_tokens, "image_tokens": 0},
        }  # fmt: skip
    return orjson.dumps(answer, option=PRETTY)


def read_speech(body: Json, place: Place) -> Ask | Wrong:
    if wrong := _read("speech", body, "input"):
        return wrong
    return Ask(body["model"], body["input"], words(body["input"]))


def answer_speech(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    """Bytes of the format, then the text, so that a test sees that it arrived."""
    return SOUND[body.get("response_format") or "mp3"] + ask.prompt.encode()


FORM_FIELDS = frozenset(
    [
        "model",
        "language",
        "prompt",
        "response_format",
        "temperature",
        "stream",
        "chunking_strategy",
        "include",
        "timestamp_granularities",
        "known_speaker_names",
        "known_speaker_references",
        "file",
    ]
)


def read_form(body: bytes, place: Place) -> Ask | Wrong:
    """A transcription, sent as a form (RFC 7578); a text file in place of sound is its own
    transcript."""
    form = form_of(body, place)
    for name in form:
        if name.removesuffix("[]") not in FORM_FIELDS:
            return Wrong(400, f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in ("file", "model"):
        if not form.get(name):
            return Wrong(400, f"Missing required parameter: '{name}'.", name)
    prompt = form.get("prompt", b"").decode()
    return Ask(form["model"].decode(), prompt, 0, stream=form.get("stream") == b"true")


def form_of(body: bytes, place: Place) -> dict[str, bytes]:
    head = f"content-type: {place.headers.get('content-type', '')}\r\n\r\n".encode()
    parts = message_from_bytes(head + body).get_payload()
    found: dict[str, bytes] = {}
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Message):
            name = part.get_param("name", header="content-disposition")
            value = part.get_payload(decode=True)
            found[str(name)] = value if isinstance(value, bytes) else b""
    return found


def answer_transcription(
    body: bytes, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    text = reply.script.reply or "words that were said"
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": words(text),
             "total_tokens": 14 + words(text),
             "input_token_details": {"text_tokens": 0, "audio_tokens": 14}}  # fmt: skip
    if ask.stream:
        return _transcript_frames(text, usage)
    return orjson.dumps({"text": text, "usage": usage}, option=PRETTY)


def _transcript_frames(text: str, usage: Json) -> Iterator[Frame]:
    for at, word in enumerate(text.split(), 1):
        delta = word if at == 1 else " " + word
        yield Frame(event({"type": "transcript.text.delta", "delta": delta}), at)
    done = {"type": "transcript.text.done", "text": text, "usage": usage}
    yield Frame(event(done), words(text))


def read_rerank(body: Json, place: Place) -> Ask | Wrong:
    if wrong := _read("rerank", body, "query"):
        return wrong
    sent = words(body["query"]) + sum(words(_document(one)) for one in body["documents"])
    return Ask(body["model"], body["query"], sent)


def _document(value: Any) -> str:
    return value if isinstance(value, str) else str(value.get("text", ""))


def ranking(query: str, documents: list[str]) -> list[tuple[int, float]]:
    """Index and score, best first: the share of the query's words that a document has."""
    asked = set(query.lower().split())
    scored = [
        (at, round(len(asked & set(text.lower().split())) / max(1, len(asked)), 4))
        for at, text in enumerate(documents)
    ]
    return sorted(scored, key=lambda one: (-one[1], one[0]))


def answer_rerank(body: Json, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    texts = [_document(one) for one in body["documents"]]
    ranked = ranking(body["query"], texts)[: body.get("top_n") or len(texts)]
    results = [
        {"index": at, "document": {"text": texts[at]}, "relevance_score": score}
        for at, score in ranked
    ]
    usage = {"prompt_tokens": ask.input_tokens, "total_tokens": ask.input_tokens}
    answer = {"id": f"rerank-{number:x}", "model": ask.model, "usage": usage, "results": results}
    return orjson.dumps(answer)
