"""The bodies that OpenAI's chat completions accept (platform.openai.com/docs/api-reference/chat).

Field by field as in the official SDK's request types; a test compares the two.
"""

from __future__ import annotations

from extproc.demo.provider_shape import (
    FLAG,
    OBJECT,
    TEXT,
    WHOLE,
    Fields,
    Need,
    Shape,
    address,
    among,
    anything,
    either,
    fields,
    filled,
    some,
    tagged,
    within,
)

CACHE_BREAK = fields({"mode": Need(among("explicit")), "ttl": among("30m", "12h")})
_BREAK: Fields = {"prompt_cache_breakpoint": CACHE_BREAK}
_TEXT_PART: Fields = {"text": Need(TEXT), **_BREAK}
TEXTS = either(TEXT, some(tagged("type", {"text": _TEXT_PART}), 1))
DETAIL = among("auto", "low", "high", "original")


USER_PARTS: dict[str, Fields] = {
    "text": _TEXT_PART,
    "image_url": {"image_url": Need(fields({"url": Need(address), "detail": DETAIL})), **_BREAK},
    "input_audio": {
        "input_audio": Need(fields({"data": Need(TEXT), "format": Need(among("wav", "mp3"))})),
        **_BREAK,
    },
    "file": {
        "file": Need(fields({"file_data": TEXT, "file_id": TEXT, "filename": TEXT})),
        **_BREAK,
    },
}
_CALLS = some(
    tagged("type", {
        "function": {"id": Need(filled),
                     "function": Need(fields({"name": Need(filled), "arguments": Need(TEXT)}))},
        "custom": {"id": Need(filled),
                   "custom": Need(fields({"name": Need(filled), "input": Need(TEXT)}))},
    }),
    1,
)  # fmt: skip
_ASSISTANT: Fields = {
    "content": either(
        TEXT, some(tagged("type", {"text": _TEXT_PART, "refusal": {"refusal": Need(TEXT)}}), 1)
    ),
    "name": TEXT,
    "refusal": TEXT,
    "audio": fields({"id": Need(TEXT)}),
    "tool_calls": _CALLS,
    "function_call": fields({"name": Need(TEXT), "arguments": Need(TEXT)}),
    # What an answer's message has beside these; the API takes its own answers back.
    "annotations": some(OBJECT),
}
MESSAGES = some(
    tagged("role", {
        "developer": {"content": Need(TEXTS), "name": TEXT},
        "system": {"content": Need(TEXTS), "name": TEXT},
        "user": {"content": Need(either(TEXT, some(tagged("type", USER_PARTS), 1))),
                 "name": TEXT},
        "assistant": _ASSISTANT,
        "tool": {"content": Need(TEXTS), "tool_call_id": Need(filled)},
        "function": {"content": TEXT, "name": Need(TEXT)},
    }),
    1,
)  # fmt: skip
FUNCTION: Fields = {
    "name": Need(filled), "description": TEXT, "parameters": OBJECT, "strict": FLAG,
}  # fmt: skip
_NAMED = Need(fields({"name": Need(TEXT)}))
_CHOICE = either(
    among("none", "auto", "required"),
    tagged("type", {
        "function": {"function": _NAMED},
        "custom": {"custom": _NAMED},
        "allowed_tools": {"allowed_tools": Need(fields({
            "mode": Need(among("auto", "required")), "tools": Need(some(OBJECT))}))},
    }),
)  # fmt: skip
_FORMAT = tagged("type", {
    "text": {}, "json_object": {},
    "json_schema": {"json_schema": Need(fields({
        "name": Need(filled), "description": TEXT, "schema": OBJECT, "strict": FLAG}))},
})  # fmt: skip
EFFORT = among("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITY = among("low", "medium", "high")
_COUNT: Shape = within(1, 10**9, whole=True)

CHAT_FIELDS: Fields = {
    "model": Need(filled),
    "messages": Need(MESSAGES),
    "audio": OBJECT,
    "frequency_penalty": within(-2, 2),
    "function_call": anything,
    "functions": some(OBJECT, 1, 128),
    "logit_bias": OBJECT,
    "logprobs": FLAG,
    "max_completion_tokens": _COUNT,
    "max_tokens": _COUNT,
    "metadata": OBJECT,
    "modalities": some(among("text", "audio")),
    "moderation": OBJECT,
    "n": within(1, 128, whole=True),
    "parallel_tool_calls": FLAG,
    "prediction": OBJECT,
    "presence_penalty": within(-2, 2),
    "prompt_cache_key": TEXT,
    "prompt_cache_options": OBJECT,
    "prompt_cache_retention": among("in_memory", "in-memory", "24h"),
    "reasoning_effort": EFFORT,
    "response_format": _FORMAT,
    "safety_identifier": TEXT,
    "seed": WHOLE,
    "service_tier": among("auto", "default", "flex", "scale", "priority", "fast"),
    "stop": either(TEXT, some(TEXT, 0, 4)),
    "store": FLAG,
    "stream": FLAG,
    "stream_options": fields({"include_usage": FLAG, "include_obfuscation": FLAG}),
    "temperature": within(0, 2),
    "tool_choice": _CHOICE,
    "tools": some(tagged("type", {
        "function": {"function": Need(fields(FUNCTION))}, "custom": {"custom": Need(OBJECT)},
    }), 1, 128),
    "top_logprobs": within(0, 20, whole=True),
    "top_p": within(0, 1),
    "user": TEXT,
    "verbosity": VERBOSITY,
    "web_search_options": OBJECT,
}  # fmt: skip
CHAT = fields(CHAT_FIELDS)
