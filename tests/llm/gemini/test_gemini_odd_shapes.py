"""Whatever is accepted or comes back: the two sides answer it by name, or not at all."""

from __future__ import annotations

import contextlib
import copy

from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Refusal
from extproc.llm.call import Frame, Json
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.sse import StreamFault
from extproc.llm.translate.gemini_generate import CALLER, PROVIDER
from extproc.llm.translate.not_carried import NotCarried, Unreadable

_NAMES = st.sampled_from(
    ("text", "thought", "parts", "role", "inlineData", "mimeType", "data", "fileData", "fileUri",
     "functionCall", "functionResponse", "name", "id", "args", "response", "thoughtSignature",
     "mediaResolution", "displayName", "level", "scheduling", "partMetadata", "index", "content",
     "finishReason", "groundingMetadata", "groundingChunks", "groundingSupports", "web", "uri",
     "segment", "endIndex", "startIndex", "partIndex", "groundingChunkIndices", "citationMetadata",
     "citationSources", "logprobsResult", "chosenCandidates", "topCandidates", "token",
     "candidates", "usageMetadata", "promptFeedback", "blockReason", "error", "code")
)  # fmt: skip
_CONFIG = st.sampled_from(
    ("temperature", "topK", "stopSequences", "responseMimeType", "responseSchema", "logprobs",
     "responseJsonSchema", "thinkingConfig", "thinkingBudget", "thinkingLevel", "responseLogprobs",
     "responseModalities", "mediaResolution", "type", "properties", "items", "anyOf", "nullable",
     "propertyOrdering", "minItems", "required", "functionDeclarations", "name", "parameters",
     "functionCallingConfig", "mode", "allowedFunctionNames", "behavior", "description")
)  # fmt: skip
_WORDS = st.sampled_from(
    ("text", "image/png", "user", "model", "STOP", "aGk=", "application/json", "OBJECT", "STRING",
     "ANY", "NONE", "TEXT", "MEDIA_RESOLUTION_LOW", "https://x/y.png", "gs://x", "LOW", "")
)  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers(-3, 9) | _WORDS


def objects(names: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    trees = st.recursive(
        _LEAVES,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(names, trees, max_size=5)


@given(st.lists(objects(_NAMES), max_size=3), objects(_CONFIG), objects(_CONFIG), objects(_CONFIG))
def test_every_accepted_request_is_read_or_refused(
    parts: list[Json], config: Json, tool: Json, choice: Json
) -> None:
    """Translate: by name (P8)."""
    for role in ("user", "model"):
        body = {"contents": [{"role": role, "parts": parts}], "generationConfig": config,
                "tools": [tool], "toolConfig": choice}  # fmt: skip
        path = "/v1/models/m:generateContent"
        if isinstance(GEMINI_GENERATE.read_call(path, copy.deepcopy(body)), Refusal):
            continue
        with contextlib.suppress(NotCarried):
            request = CALLER.read_request(body)
            PROVIDER.write_request(request, default_max_tokens=1)


@given(objects(_NAMES), st.lists(objects(_NAMES), max_size=3), objects(_NAMES))
def test_every_answer_is_read_or_unreadable(own: Json, parts: list[Json], extra: Json) -> None:
    """Translate: by its place, whole and streamed (P8)."""
    for data in (extra, {**extra, "candidates": [own]},
                 {"candidates": [{**own, "content": {"parts": parts}}]},
                 {"candidates": [{"content": {"parts": [{"text": "x"}]}, **own}]}):  # fmt: skip
        with contextlib.suppress(Unreadable):
            answer = PROVIDER.read_answer(copy.deepcopy(data))
            CALLER.write_answer(answer, model="m", created=0, asked={})
        reader, writer = PROVIDER.stream_reader(), CALLER.stream_writer(
            model="m", created=0, asked={})  # fmt: skip
        with contextlib.suppress(StreamFault):
            for event in [*reader.read(Frame("", copy.deepcopy(data), b"")), *reader.finish()]:
                writer.write(event)
