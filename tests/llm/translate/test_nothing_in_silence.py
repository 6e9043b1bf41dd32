"""Every field that an SDK knows is said, reported as left out, or refused by its name."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from anthropic.types import (
    document_block_param,
    image_block_param,
    message_create_params,
    text_block_param,
    thinking_block_param,
    tool_param,
    tool_result_block_param,
    tool_use_block_param,
)
from openai.types.chat import (
    chat_completion_assistant_message_param,
    chat_completion_content_part_text_param,
    chat_completion_tool_message_param,
    chat_completion_user_message_param,
    completion_create_params,
)
from openai.types.shared_params import function_definition

from extproc.errors import Code, Refusal
from extproc.llm.call import Json
from extproc.llm.translate.sides import Carried, Translation
from tests.llm.translate.pairs import AOK, OK, SCHEMA, TO_ANTHROPIC, TO_OPENAI, said, user

TOOL: Json = {"type": "function", "function": {"name": "f"}}
A_TOOL: Json = {"name": "f", "input_schema": SCHEMA}
HINT: Json = {"type": "ephemeral"}
OPENAI: Json = {
    "audio": {"voice": "x", "format": "wav"},
    "frequency_penalty": 0.5,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "logit_bias": {"1": 2},
    "logprobs": True,
    "max_completion_tokens": 5,
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "other"}],
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "m"},
    "n": 2,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 1,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "r", "schema": SCHEMA},
    },
    "safety_identifier": "s",
    "seed": 7,
    "service_tier": "default",
    "stop": ["x"],
    "store": True,
    "stream_options": {"include_obfuscation": True},
    "temperature": 0.5,
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "tools": [TOOL, {**TOOL, "function": {"name": "g"}}],
    "top_logprobs": 3,
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {"search_context_size": "low"},
}
ANTHROPIC: Json = {
    "cache_control": HINT,
    "container": "c",
    "diagnostics": {"previous_message_id": "m"},
    "inference_geo": "eu",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "other"}],
    "metadata": {"user_id": "u"},
    "output_config": {"effort": "low"},
    "service_tier": "standard_only",
    "speed": "fast",
    "stop_sequences": ["x"],
    "system": "be brief",
    "temperature": 0.5,
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "tool_choice": {"type": "any"},
    "tools": [A_TOOL, {**A_TOOL, "name": "g"}],
    "top_k": 3,
    "top_p": 0.5,
    "user_profile_id": "u",
    "workspace_id": "w",
}
NO_BUSINESS = {"model", "stream"}
"""Set by the gateway itself, in every dialect."""


def fields(kind: Any) -> set[str]:
    return set(get_type_hints(kind))


def is_told(to: Translation, base: Json, change: Json, names: set[str]) -> bool:
    """Whether the change is said, reported under one of the names, or refused under it."""
    before = to.request(base, stream=False, default_max_tokens=4096)
    after = to.request({**base, **change}, stream=False, default_max_tokens=4096)
    assert isinstance(before, Carried), before
    if isinstance(after, Refusal):
        assert after.code is Code.INVALID_REQUEST
        return any((after.param or "").startswith(name) for name in names)
    new = set(after.left_out) - set(before.left_out)
    return after.body != before.body or any(o.startswith(n) for o in new for n in names)


@pytest.mark.parametrize(
    "name", sorted(fields(completion_create_params.CompletionCreateParamsBase) - NO_BUSINESS)
)
def test_no_field_of_openais_requests_is_dropped_in_silence(name: str) -> None:
    """Translate: a field that the SDK learns must be decided on before this test passes again."""
    assert is_told(TO_ANTHROPIC, {**OK, "tools": [TOOL]}, {name: OPENAI[name]}, {name})


@pytest.mark.parametrize(
    "name", sorted(fields(message_create_params.MessageCreateParamsBase) - NO_BUSINESS)
)
def test_no_field_of_anthropics_requests_is_dropped_in_silence(name: str) -> None:
    """Translate: a field that the SDK learns must be decided on before this test passes again."""
    assert is_told(TO_OPENAI, {**AOK, "tools": [A_TOOL]}, {name: ANTHROPIC[name]}, {name})


PARTS: list[tuple[Translation, Any, str, Json, Json]] = [
    (
        TO_ANTHROPIC,
        function_definition.FunctionDefinition,
        "tools[0].function",
        {},
        {"name": "g", "description": "d", "parameters": SCHEMA, "strict": True},
    ),
    (
        TO_ANTHROPIC,
        chat_completion_assistant_message_param.ChatCompletionAssistantMessageParam,
        "messages[1]",
        {},
        {
            "audio": {"id": "a"},
            "content": "other",
            "function_call": {"name": "f", "arguments": "{}"},
            "name": "bob",
            "refusal": "no",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
    ),
    (
        TO_ANTHROPIC,
        chat_completion_user_message_param.ChatCompletionUserMessageParam,
        "messages[0]",
        {},
        {"content": "other", "name": "bob"},
    ),
    (
        TO_ANTHROPIC,
        chat_completion_tool_message_param.ChatCompletionToolMessageParam,
        "messages[0]",
        {"role": "tool", "tool_call_id": "c"},
        {"content": "other", "tool_call_id": "d"},
    ),
    (
        TO_ANTHROPIC,
        chat_completion_content_part_text_param.ChatCompletionContentPartTextParam,
        "messages[0].content[0]",
        {"type": "text", "text": "x"},
        {"text": "other", "prompt_cache_breakpoint": {"mode": "explicit"}},
    ),
    (
        TO_OPENAI,
        tool_param.ToolParam,
        "tools[0]",
        {},
        {
            "allowed_callers": ["code_execution_20250825"],
            "cache_control": HINT,
            "defer_loading": True,
            "description": "d",
            "eager_input_streaming": True,
            "input_examples": [{"q": "x"}],
            "input_schema": {"type": "object", "properties": {}},
            "name": "g",
            "strict": True,
        },
    ),
    (
        TO_OPENAI,
        text_block_param.TextBlockParam,
        "messages[0].content[0]",
        {"type": "text", "text": "x"},
        {"text": "other", "cache_control": HINT, "citations": [{"type": "char_location"}]},
    ),
    (
        TO_OPENAI,
        image_block_param.ImageBlockParam,
        "messages[0].content[0]",
        {"type": "image", "source": {"type": "url", "url": "https://x"}},
        {
            "source": {"type": "file", "file_id": "f"},
            "cache_control": HINT,
            "transformations": {"oversize": "x"},
        },
    ),
    (
        TO_OPENAI,
        document_block_param.DocumentBlockParam,
        "messages[0].content[0]",
        {"type": "document", "source": {"type": "text", "data": "x"}},
        {
            "source": {"type": "url", "url": "https://x"},
            "cache_control": HINT,
            "citations": {"enabled": True},
            "context": "c",
            "title": "t",
        },
    ),
    (
        TO_OPENAI,
        tool_result_block_param.ToolResultBlockParam,
        "messages[0].content[0]",
        {"type": "tool_result", "tool_use_id": "c", "content": "x"},
        {
            "tool_use_id": "d",
            "cache_control": HINT,
            "content": "other",
            "is_error": True,
            "toolset_name": "t",
        },
    ),
    (
        TO_OPENAI,
        tool_use_block_param.ToolUseBlockParam,
        "messages[1].content[0]",
        {"type": "tool_use", "id": "c", "name": "f", "input": {}},
        {
            "id": "d",
            "cache_control": HINT,
            "caller": {"type": "code_execution_20250825", "tool_id": "t"},
            "input": {"a": 1},
            "name": "g",
            "toolset_name": "t",
        },
    ),
    (
        TO_OPENAI,
        thinking_block_param.ThinkingBlockParam,
        "messages[1].content[0]",
        {"type": "text", "text": "x"},
        {"signature": "s", "thinking": "t"},
    ),
]
CASES = [
    (to, where, part, name, samples)
    for to, kind, where, part, samples in PARTS
    for name in sorted(fields(kind) - {"type", "role"})
]


@pytest.mark.parametrize(
    ("to", "where", "part", "name", "samples"), CASES, ids=lambda v: v if type(v) is str else ""
)
def test_no_field_of_a_part_is_dropped_in_silence(
    to: Translation, where: str, part: Json, name: str, samples: Json
) -> None:
    """Translate: the same for what messages and tools are made of."""
    base = _with(to, where, part)
    change = _with(to, where, {**part, name: samples[name]})
    assert is_told(to, base, change, {f"{where}.{name}", f"{where}.", where})


def _with(to: Translation, where: str, part: Json) -> Json:
    ok = OK if to is TO_ANTHROPIC else AOK
    if where.startswith("tools"):
        if to is TO_ANTHROPIC:
            return {**ok, "tools": [{**TOOL, "function": {"name": "f", **part}}]}
        return {**ok, "tools": [{**A_TOOL, **part}]}
    match where:
        case "messages[0].content[0]":
            return {**ok, **user(part)}
        case "messages[1].content[0]":
            return {**ok, **said(content=[part])}
        case "messages[1]":
            return {**ok, **said(**part)}
    return {**ok, "messages": [{**ok["messages"][0], **part}]}


IMAGE = "messages[0].content[0].image_url"
OPENAI_REFUSED = [
    ({"unheard_of": 0}, "unheard_of"),
    ({"unheard_of": False}, "unheard_of"),
    ({"temperature": 1.2}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"seed": 1.5}, "seed"),
    ({"stop": [1]}, "stop"),
    ({"service_tier": "x"}, "service_tier"),
    ({"reasoning_effort": "huge"}, "reasoning_effort"),
    ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking"),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}, "max_tokens": 99},
     "thinking.budget_tokens"),
    ({"user": "a", "safety_identifier": "b"}, "safety_identifier"),
    ({"user": 1}, "user"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"response_format": {"type": "grammar"}}, "response_format"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
     "response_format.json_schema.schema"),
    ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
     "tool_choice.allowed_tools.tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
    ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    (said(tool_calls=[{"id": "1", "type": "custom", "custom": {"name": "n", "input": "x"}}]),
     "messages[1].tool_calls[0].type"),
    (said(tool_calls=[
        {"id": "1", "type": "function", "function": {"name": "n", "arguments": "[1]"}}
    ]), "messages[1].tool_calls[0].function.arguments"),
    (said(thinking_blocks=[{"type": "x"}]), "messages[1].thinking_blocks[0]"),
    (said(images=[{"type": "image_url", "image_url": {"url": "https://x"}}]),
     "messages[1].images[0]"),
    (user({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
     "messages[0].content[0]"),
    (user({"type": "input_audio", "input_audio": {"data": "AA", "format": "flac"}}),
     "messages[0].content[0].input_audio.format"),
    (user({"type": "video_url", "video_url": {}}), "messages[0].content[0].type"),
    (user({"type": "image_url", "image_url": {"url": "file:///x"}}), f"{IMAGE}.url"),
    (user({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}),
     "messages[0].content[0]"),
    (user({"type": "image_url", "image_url": {}}), f"{IMAGE}.url"),
    (user({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].file.file_id"),
]  # fmt: skip
ANTHROPIC_REFUSED = [
    ({"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
    ({"unheard_of": False}, "unheard_of"),
    ({"stop_sequences": list("abcde")}, "stop_sequences"),
    ({"metadata": {"x": 1}}, "metadata.x"),
    ({"service_tier": "x"}, "service_tier"),
    ({"thinking": {"type": "x"}}, "thinking.type"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "adaptive", "x": 1}}, "thinking.x"),
    ({"output_config": {"task_budget": 1}}, "output_config.task_budget"),
    ({"output_config": {"format": {"type": "x"}}}, "output_config.format"),
    ({"tool_choice": {"type": "x"}}, "tool_choice.type"),
    ({"tools": [{"type": "web_search_20250305", "name": "web"}]}, "tools[0].type"),
    ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
    (user({"type": "thinking", "thinking": "x"}), "messages[0].content[0].type"),
    (user({"type": "search_result", "content": []}), "messages[0].content[0].type"),
    (user({"type": "text", "text": "x", "cache_control": {"type": "x"}}),
     "messages[0].content[0].cache_control"),
    (user({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image"}]}),
     "messages[0].content[0].content[0].source"),
    (user({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id"),
    ({"messages": [*OK["messages"], {"role": "assistant", "content": "{"}]}, "messages[1]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("to", "change", "param"),
    [(TO_ANTHROPIC, *case) for case in OPENAI_REFUSED]
    + [(TO_OPENAI, *case) for case in ANTHROPIC_REFUSED],
)
def test_what_cannot_be_carried_over_is_refused_by_its_name(
    to: Translation, change: Json, param: str
) -> None:
    """Contract, section 4: `invalid_request` names the field in the caller's words."""
    refusal = to.request({**AOK, **change}, stream=False, default_max_tokens=4096)
    if to is TO_ANTHROPIC and "max_tokens" not in change:
        refusal = to.request({**OK, **change}, stream=False, default_max_tokens=4096)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.INVALID_REQUEST, param)
    assert f"'{param}'" in refusal.detail
