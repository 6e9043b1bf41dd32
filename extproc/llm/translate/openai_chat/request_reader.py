"""A Chat Completions request, read.

Refused here, by name, is what no other dialect can say and what changes answers: `logit_bias`,
`audio`, hosted and custom tools, functions of the older kind, fields nobody knows. Left out and
reported: `store`, `metadata`, `prediction`, `prompt_cache_*`, tiers of price and speed. A field
that asks for nothing (null, empty, its default) is neither.
"""

from __future__ import annotations

from typing import Any, Literal

from extproc.llm.call import Json
from extproc.llm.fields import least
from extproc.llm.translate.conversation import (
    ChatRequest,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from extproc.llm.translate.not_carried import NotCarried, need, only
from extproc.llm.translate.openai_chat.message_reader import cache_of, read_messages

_READ = frozenset(
    ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens",
     "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "stop",
     "n", "logprobs", "top_logprobs", "user", "safety_identifier", "tools", "tool_choice",
     "parallel_tool_calls", "response_format", "reasoning_effort", "thinking", "service_tier",
     "verbosity")
)  # fmt: skip
_LEFT_OUT = frozenset(
    ("store", "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention",
     "prompt_cache_options")
)  # fmt: skip
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "store": (False,), "modalities": (["text"],), "function_call": ("auto", "none"),
}  # fmt: skip
_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_WHOLE_NUMBERS = ("top_k", "seed", "top_logprobs")
_EFFORTS = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))
_TIERS_LEFT_OUT = frozenset(("flex", "scale", "priority", "fast"))
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def read_request(body: Json) -> ChatRequest:
    """A body that `OpenAIChat.read_call` has accepted. Raises NotCarried."""
    request = ChatRequest(paths={
        "choices": "n", "output": "response_format", "effort": "reasoning_effort",
        "budget_tokens": "thinking.budget_tokens", "detail": "image_url.detail",
        "max_output_tokens": "max_completion_tokens", "arguments": "function.arguments",
    })  # fmt: skip
    for key in body:
        if key not in _READ:
            _unread(body, key, request)
    if body.get("stream_options"):
        options = {k: v for k, v in body["stream_options"].items() if v is not False}
        only(options, "stream_options", "include_usage")
    read_messages(body["messages"], request)
    request.max_output_tokens = least(body.get("max_tokens"), body.get("max_completion_tokens"))
    _sampling(body, request)
    _caller(body, request)
    if body.get("tools") or body.get("tool_choice"):
        _tools(body, request)
    request.thinking = _thinking(body)
    if body.get("response_format") is not None:
        request.output = _output(body["response_format"])
    return request


def _unread(body: Json, key: str, request: ChatRequest) -> None:
    value = body[key]
    if value in _NOTHING or value in _ASKS_NOTHING.get(key, ()):
        return
    if key not in _LEFT_OUT:
        raise NotCarried(key)
    request.leave_out(key)


def _sampling(body: Json, request: ChatRequest) -> None:
    for key in _NUMBERS:
        if body.get(key) is not None:
            setattr(request, key, _number(body, key, (int, float)))
    for key in _WHOLE_NUMBERS:
        if body.get(key) is not None:
            setattr(request, key, _number(body, key, (int,)))
    request.choices = body.get("n") or 1
    if body.get("logprobs") is not None:
        request.logprobs = need(body, "logprobs", bool, "")
    stop = body.get("stop")
    if stop:
        listed = [stop] if type(stop) is str else stop
        if type(listed) is not list or not all(type(one) is str for one in listed):
            raise NotCarried("stop", "must be a string or a list of strings")
        request.stop = listed


def _number(body: Json, key: str, kinds: tuple[type, ...]) -> Any:
    if type(body[key]) not in kinds:
        raise NotCarried(key, "must be a number")
    return body[key]


def _caller(body: Json, request: ChatRequest) -> None:
    for key in ("user", "safety_identifier"):
        if not body.get(key):
            continue
        if request.user not in (None, need(body, key, str, "")):
            raise NotCarried(key, "and 'user' differ; this provider takes one")
        request.user = body[key]
    tier = body.get("service_tier")
    if tier in ("auto", "default"):
        request.service_tier = tier
    elif type(tier) is str and tier in _TIERS_LEFT_OUT:
        request.leave_out("service_tier")
    elif tier is not None:
        raise NotCarried("service_tier")
    if body.get("verbosity") is not None:
        request.verbosity = need(body, "verbosity", str, "")


def _tools(body: Json, request: ChatRequest) -> None:
    tools = body.get("tools") or ()
    request.tools = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    request.tool_choice = _tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is not None:
        request.parallel_tool_calls = need(body, "parallel_tool_calls", bool, "")


def _tool(tool: Json, path: str) -> Tool:
    if tool["type"] != "function":
        raise NotCarried(f"{path}.type")
    only(tool, path, "type", "function", "cache_control")
    function, where = tool["function"], f"{path}.function"
    only(function, where, "name", "description", "parameters", "strict", "cache_control")
    made = Tool(function["name"], path=path, cache=cache_of({**function, **tool}, path))
    if function.get("description"):
        made.description = need(function, "description", str, where)
    if function.get("parameters"):
        made.schema = need(function, "parameters", dict, where)
    if function.get("strict") is not None:
        made.strict = need(function, "strict", bool, where)
    return made


def _tool_choice(choice: Any) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "none" | "auto" | "required":
            return ToolChoice(choice)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "allowed_tools": dict(allowed)}:
            return _allowed(allowed)
    raise NotCarried("tool_choice")


def _allowed(allowed: Json) -> ToolChoice:
    names, mode = [], allowed.get("mode")
    for tool in need(allowed, "tools", list, "tool_choice.allowed_tools"):
        match tool:
            case {"type": "function", "function": {"name": str(name)}}:
                names.append(name)
            case _:
                raise NotCarried("tool_choice.allowed_tools.tools")
    if mode not in ("auto", "required") or not names:
        raise NotCarried("tool_choice.allowed_tools")
    kind: Literal["auto", "required"] = mode
    return ToolChoice(kind, tuple(names))


def _thinking(body: Json) -> Thinking | None:
    effort, asked = body.get("reasoning_effort"), body.get("thinking")
    if effort is not None and (type(effort) is not str or effort not in _EFFORTS):
        raise NotCarried("reasoning_effort")
    match asked:
        case None:
            return None if effort is None else Thinking(effort)
        case {"type": "disabled"} if len(asked) == 1:
            return Thinking(effort or "none")
        case {"type": "enabled", "budget_tokens": budget} if len(asked) == 2 and _is_count(budget):
            return Thinking(effort, budget, shown=True)
        case {"type": "enabled" | "adaptive"} if len(asked) == 1:
            return Thinking(effort, -1, shown=True)
    raise NotCarried("thinking")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _output(wanted: Any) -> OutputFormat | None:
    match wanted:
        case {"type": "text"} if len(wanted) == 1:
            return None
        case {"type": "json_object"} if len(wanted) == 1:
            return OutputFormat("json_object")
        case {"type": "json_schema", "json_schema": dict(asked)} if len(wanted) == 2:
            return _schema(asked, "response_format.json_schema")
    raise NotCarried("response_format")


def _schema(asked: Json, path: str) -> OutputFormat:
    only(asked, path, "name", "schema", "strict", "description")
    strict = asked.get("strict")
    if strict is not None and type(strict) is not bool:
        raise NotCarried(f"{path}.strict", "must be a boolean")
    named = {key: asked[key] for key in ("name", "description") if asked.get(key)}
    if not all(type(value) is str for value in named.values()):
        raise NotCarried(path, "must have a string as its name and its description")
    return OutputFormat("json_schema", need(asked, "schema", dict, path), strict=strict, **named)
