"""OpenAI's other endpoints as its SDK's users call them; each gives what it heard, in short."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import openai

Sdk = openai.AsyncOpenAI


async def completion(sdk: Sdk, model: str) -> Any:
    answer = await sdk.completions.create(model=model, prompt="[[reply: a b c]]", max_tokens=9)
    return answer.choices[0].text, answer.usage and answer.usage.completion_tokens


async def streamed_completion(sdk: Sdk, model: str) -> Any:
    chunks = await sdk.completions.create(
        model=model, prompt="[[reply: a b c]]", max_tokens=9, stream=True
    )
    return "".join([c.choices[0].text async for c in chunks if c.choices]), 3


async def embedding(sdk: Sdk, model: str) -> Any:
    answer = await sdk.embeddings.create(model=model, input=["one", "two"])
    return len(answer.data), answer.data[0].embedding != answer.data[1].embedding


async def moderation(sdk: Sdk, model: str) -> Any:
    answer = await sdk.moderations.create(model=model, input=["a hug", "to hurt"])
    return [one.flagged for one in answer.results], answer.results[1].categories.violence


async def image(sdk: Sdk, model: str) -> Any:
    answer = await sdk.images.generate(model=model, prompt="a dot", size="1024x1024")
    assert answer.data is not None
    return len(answer.data), (answer.data[0].b64_json or "")[:5]


async def speech(sdk: Sdk, model: str) -> Any:
    answer = await sdk.audio.speech.create(
        model=model, voice="alloy", input="say it", response_format="mp3"
    )
    return answer.content[:3], answer.content[-6:]


async def transcription(sdk: Sdk, model: str) -> Any:
    sound = ("said.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(64), "audio/wav")
    answer = await sdk.audio.transcriptions.create(
        model=model, file=sound, prompt="[[reply: heard words]]"
    )
    return answer.text, True


async def rerank(sdk: Sdk, model: str) -> Any:
    body = {"model": model, "query": "blue sky", "documents": ["red", "the blue sky"], "top_n": 1}
    answer: Any = await sdk.post("/rerank", body=body, cast_to=object)
    return len(answer["results"]), answer["results"][0]["index"]


HEARD: dict[str, tuple[Callable[[Sdk, str], Awaitable[Any]], Any]] = {
    "completion": (completion, ("a b c", 3)),
    "streamed-completion": (streamed_completion, ("a b c", 3)),
    "embedding": (embedding, (2, True)),
    "moderation": (moderation, ([False, True], True)),
    "image": (image, (1, "iVBOR")),
    "speech": (speech, (b"ID3", b"say it")),
    "transcription": (transcription, ("heard words", True)),
    "rerank": (rerank, (1, 1)),
}
"""Each call, and what it must hear."""
MODELS = {
    "completion": "gpt-4o-mini",
    "streamed-completion": "gpt-4o-mini",
    "embedding": "text-embedding-3-small",
    "moderation": "omni-moderation-latest",
    "image": "gpt-image-1",
    "speech": "gpt-4o-mini-tts",
    "transcription": "gpt-4o-mini-transcribe",
    "rerank": "rerank-v3.5",
}
