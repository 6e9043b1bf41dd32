"""A Chat Completions request as an Anthropic Messages request.

Promises: what the caller asked for is asked for in the provider's words, or the request is refused
by the field's name. Two kinds of fields are left out: those whose value asks for nothing (`n: 1`,
`logprobs: false`, null), and hints about the provider's own prompt cache (`prompt_cache_*`), which
change the price at most and never the answer.
"""

from __future__ import annotations

from typing import Any

from extproc.errors import Refusal
from extproc.llm.call import Json
from extproc.llm.fields import least
from extproc.llm.translate.not_carried import NotCarried, need, only, refusing
from extproc.llm.translate.openai_conversation_to_anthropic import messages_and_system

_CACHE_HINTS = frozenset(("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"))
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "n": (1,), "logprobs": (False,), "top_logprobs": (0,), "frequency_penalty": (0,),
    "presence_penalty": (0,), "logit_bias": ({},), "store": (False,), "metadata": ({},),
    "modalities": (["text"],), "functions": ([],), "verbosity": ("medium",), "tools": ([],),
}  # fmt: skip
_CARRIED = frozenset(
    ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens",
     "temperature", "top_p", "top_k", "stop", "user", "safety_identifier", "tools", "tool_choice",
     "parallel_tool_calls", "response_format", "reasoning_effort", "service_tier")
)  # fmt: skip
_EFFORTS = frozenset(("low", "medium", "high", "xhigh", "max"))
_TIERS = {"auto": "auto", "default": "standard_only"}


def request(body: Json, *, default_max_tokens: int) -> Json | Refusal:
    """Translate a request that `OpenAIChat.read_call` has accepted.

    `default_max_tokens`: Anthropic requires a maximum; used when the caller stated none.
    """
    return refusing(lambda: _request(body, default_max_tokens))


def _request(body: Json, default_max_tokens: int) -> Json:
    _refuse_uncarried(body)
    stated = least(body.get("max_tokens"), body.get("max_completion_tokens"))
    system, messages = messages_and_system(body["messages"])
    call: Json = {
        "model": body["model"],
        "max_tokens": stated or default_max_tokens,
        "messages": messages,
    }
    if system is not None:
        call["system"] = system
    if body.get("stream"):
        call["stream"] = True
    _sampling(body, call)
    _caller(body, call)
    _tools(body, call)
    _output(body, call)
    return call


def _refuse_uncarried(body: Json) -> None:
    for key, value in body.items():
        if value is None or key in _CARRIED or key in _CACHE_HINTS:
            continue
        if value not in _ASKS_NOTHING.get(key, ()):
            raise NotCarried(key)
    options = body.get("stream_options") or {}
    only({k: v for k, v in options.items() if v is not False}, "stream_options", "include_usage")


def _sampling(body: Json, call: Json) -> None:
    for key in ("temperature", "top_p", "top_k"):
        if body.get(key) is not None:
            call[key] = body[key]
    temperature = call.get("temperature", 0)
    if type(temperature) not in (int, float) or temperature > 1:
        raise NotCarried("temperature", "above 1 cannot be carried over to this provider")
    stop = body.get("stop")
    if stop:
        call["stop_sequences"] = [stop] if type(stop) is str else stop


def _caller(body: Json, call: Json) -> None:
    named = {body[key] for key in ("user", "safety_identifier") if body.get(key)}
    if len(named) > 1:
        raise NotCarried("safety_identifier", "and 'user' differ; this provider takes one")
    if named:
        call["metadata"] = {"user_id": named.pop()}
    tier = body.get("service_tier")
    if tier is not None and tier not in _TIERS:
        raise NotCarried("service_tier")
    if tier is not None:
        call["service_tier"] = _TIERS[tier]


def _tools(body: Json, call: Json) -> None:
    tools = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(body.get("tools") or ())]
    choice = _tool_choice(body.get("tool_choice"))
    if tools:
        call["tools"] = tools
        if body.get("parallel_tool_calls") is False and choice != {"type": "none"}:
            choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
        if choice:
            call["tool_choice"] = choice
    elif choice and choice["type"] not in ("none", "auto"):
        raise NotCarried("tool_choice", "needs 'tools'")


def _tool(tool: Json, path: str) -> Json:
    if tool["type"] != "function":
        raise NotCarried(f"{path}.type")
    only(tool, path, "type", "function")
    function = tool["function"]
    only(function, f"{path}.function", "name", "description", "parameters", "strict")
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    made: Json = {"name": function["name"], "input_schema": schema}
    if function.get("description"):
        made["description"] = function["description"]
    if function.get("strict"):
        made["strict"] = True
    return made


def _tool_choice(choice: Any) -> Json | None:
    match choice:
        case None:
            return None
        case "none" | "auto":
            return {"type": choice}
        case "required":
            return {"type": "any"}
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "tool", "name": name}
    raise NotCarried("tool_choice")


def _output(body: Json, call: Json) -> None:
    config: Json = {}
    effort = body.get("reasoning_effort")
    if effort == "none":
        call["thinking"] = {"type": "disabled"}
    elif effort in _EFFORTS:
        config["effort"] = effort
    elif effort is not None:
        raise NotCarried("reasoning_effort")
    response_format = body.get("response_format")
    if response_format is not None and response_format != {"type": "text"}:
        config["format"] = _format(response_format)
    if config:
        call["output_config"] = config


def _format(response_format: Any) -> Json:
    if type(response_format) is not dict or response_format.get("type") != "json_schema":
        raise NotCarried("response_format")
    path = "response_format.json_schema"
    asked = need(response_format, "json_schema", dict, "response_format")
    only(asked, path, "name", "schema", "strict", "description")
    schema = need(asked, "schema", dict, path)
    if asked.get("description"):
        schema = {"description": asked["description"], **schema}
    return {"type": "json_schema", "schema": schema}
