"""An Anthropic Messages request as a Chat Completions request.

Promises: what the caller asked for is asked for in the provider's words, or the request is refused
by the field's name. Left out: null fields and `cache_control`, a price hint (OpenAI caches prompts
by itself). Refused among others: thinking, `top_k`, provider-run tools, more than four stop
sequences.
"""

from __future__ import annotations

from typing import Any

from extproc.errors import Refusal
from extproc.llm.call import Json
from extproc.llm.translate.anthropic_conversation_to_openai import conversation
from extproc.llm.translate.not_carried import NotCarried, need, only, refusing

STOP_SEQUENCES_MAX = 4
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "thinking": ({"type": "disabled"},), "speed": ("standard",), "mcp_servers": ([],),
}  # fmt: skip
_CARRIED = frozenset(
    ("model", "max_tokens", "messages", "system", "stream", "temperature", "top_p", "metadata",
     "stop_sequences", "tools", "tool_choice", "service_tier", "output_config", "cache_control")
)  # fmt: skip
_TIERS = {"auto": "auto", "standard_only": "default"}


def request(body: Json, *, default_max_tokens: int | None = None) -> Json | Refusal:
    """Translate a request that `AnthropicMessages.read_call` has accepted.

    `default_max_tokens` is not needed here: Anthropic's callers always state a maximum.
    """
    return refusing(lambda: _request(body))


def _request(body: Json) -> Json:
    for key, value in body.items():
        if value is not None and key not in _CARRIED and value not in _ASKS_NOTHING.get(key, ()):
            raise NotCarried(key)
    call: Json = {
        "model": body["model"],
        "max_completion_tokens": body["max_tokens"],
        "messages": conversation(body.get("system"), body["messages"]),
    }
    if body.get("stream"):
        call["stream"] = True
    _sampling(body, call)
    _caller(body, call)
    _tools(body, call)
    _output(body.get("output_config") or {}, call)
    return call


def _sampling(body: Json, call: Json) -> None:
    for key in ("temperature", "top_p"):
        if body.get(key) is not None:
            call[key] = body[key]
    stop = body.get("stop_sequences")
    if stop:
        if type(stop) is not list or len(stop) > STOP_SEQUENCES_MAX:
            raise NotCarried("stop_sequences", f"must be at most {STOP_SEQUENCES_MAX} strings")
        call["stop"] = stop


def _caller(body: Json, call: Json) -> None:
    metadata = body.get("metadata")
    if metadata is not None:
        if type(metadata) is not dict:
            raise NotCarried("metadata", "must be an object")
        only(metadata, "metadata", "user_id")
        if metadata.get("user_id"):
            call["user"] = metadata["user_id"]
    tier = body.get("service_tier")
    if tier is not None:
        if tier not in _TIERS:
            raise NotCarried("service_tier")
        call["service_tier"] = _TIERS[tier]


def _tools(body: Json, call: Json) -> None:
    tools = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(body.get("tools") or ())]
    if tools:
        call["tools"] = tools
    choice = body.get("tool_choice")
    if choice is not None:
        need(body, "tool_choice", dict, "")
        call["tool_choice"] = _tool_choice(choice)
        if choice.get("disable_parallel_tool_use"):
            call["parallel_tool_calls"] = False


def _tool(tool: Json, path: str) -> Json:
    if tool.get("type") not in (None, "custom"):
        raise NotCarried(f"{path}.type")
    only(tool, path, "type", "name", "description", "input_schema", "strict", "cache_control")
    function = {"name": tool["name"], "parameters": need(tool, "input_schema", dict, path)}
    if tool.get("description"):
        function["description"] = tool["description"]
    if tool.get("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: Json) -> Any:
    only(choice, "tool_choice", "type", "name", "disable_parallel_tool_use")
    match choice:
        case {"type": "auto" | "none" as kind}:
            return kind
        case {"type": "any"}:
            return "required"
        case {"type": "tool", "name": str(name)}:
            return {"type": "function", "function": {"name": name}}
    raise NotCarried("tool_choice.type")


def _output(config: Json, call: Json) -> None:
    only(config, "output_config", "effort", "format")
    if config.get("effort") is not None:
        call["reasoning_effort"] = config["effort"]
    match config.get("format"):
        case None:
            return
        case {"type": "json_schema", "schema": dict(schema)}:
            named = {"name": "output", "schema": schema, "strict": True}
            call["response_format"] = {"type": "json_schema", "json_schema": named}
        case _:
            raise NotCarried("output_config.format")
