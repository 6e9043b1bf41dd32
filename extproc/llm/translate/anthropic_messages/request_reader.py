"""An Anthropic Messages request, read.

Refused here, by name, is what no other dialect can say and what changes answers: containers, MCP
servers, Anthropic's own tools, a region for inference, fields nobody knows. Left out and reported:
a cache hint for the whole request, `speed`, `context_management` and `diagnostics`, which save
tokens or explain them. A field that asks for nothing (null, empty, its default) is neither.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.block_reader import cache_of, read_messages
from extproc.llm.translate.conversation import (
    ChatRequest,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from extproc.llm.translate.not_carried import NotCarried, need, only

_READ = frozenset(
    ("model", "max_tokens", "messages", "system", "stream", "temperature", "top_p", "top_k",
     "stop_sequences", "metadata", "service_tier", "thinking", "output_config", "output_format",
     "tools", "tool_choice")
)  # fmt: skip
_LEFT_OUT = frozenset(("cache_control", "speed", "context_management", "diagnostics"))
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {"speed": ("standard",)}
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_EFFORTS = frozenset(("low", "medium", "high", "xhigh", "max"))
_PATHS = {
    "max_output_tokens": "max_tokens", "stop": "stop_sequences", "user": "metadata.user_id",
    "effort": "output_config.effort", "output": "output_config.format",
    "budget_tokens": "thinking.budget_tokens", "shown": "thinking.display", "arguments": "input",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
}  # fmt: skip


def read_request(body: Json) -> ChatRequest:
    """A body that `AnthropicMessages.read_call` has accepted. Raises NotCarried."""
    request = ChatRequest(max_output_tokens=body["max_tokens"], paths=dict(_PATHS))
    for key, value in body.items():
        if key in _READ or value in _NOTHING or value in _ASKS_NOTHING.get(key, ()):
            continue
        if key not in _LEFT_OUT:
            raise NotCarried(key)
        request.leave_out(key)
    read_messages(body, request)
    _sampling(body, request)
    _caller(body, request)
    _tools(body, request)
    config = body.get("output_config") or {}
    if config:
        only(need(body, "output_config", dict, ""), "output_config", "effort", "format")
    request.thinking = _thinking(body.get("thinking"), config.get("effort"), request)
    if config.get("format") is not None:
        request.output = _output(config["format"], "output_config.format")
    elif body.get("output_format") is not None:
        request.paths["output"] = "output_format"
        request.output = _output(body["output_format"], "output_format")
    return request


def _sampling(body: Json, request: ChatRequest) -> None:
    for key in ("temperature", "top_p"):
        if body.get(key) is not None:
            if type(body[key]) not in (int, float):
                raise NotCarried(key, "must be a number")
            setattr(request, key, body[key])
    if body.get("top_k") is not None:
        request.top_k = need(body, "top_k", int, "")
    stop = body.get("stop_sequences")
    if stop:
        if type(stop) is not list or not all(type(one) is str for one in stop):
            raise NotCarried("stop_sequences", "must be a list of strings")
        request.stop = stop


def _caller(body: Json, request: ChatRequest) -> None:
    if body.get("metadata"):
        metadata = need(body, "metadata", dict, "")
        only(metadata, "metadata", "user_id")
        if metadata.get("user_id"):
            request.user = need(metadata, "user_id", str, "metadata")
    match body.get("service_tier"):
        case None:
            return
        case "auto":
            request.service_tier = "auto"
        case "standard_only":
            request.service_tier = "default"
        case _:
            raise NotCarried("service_tier")


def _tools(body: Json, request: ChatRequest) -> None:
    tools = body.get("tools") or ()
    request.tools = [_tool(tool, f"tools[{i}]", request) for i, tool in enumerate(tools)]
    if body.get("tool_choice") is None:
        return
    choice = need(body, "tool_choice", dict, "")
    request.tool_choice = _tool_choice(choice)
    if choice.get("disable_parallel_tool_use"):
        request.parallel_tool_calls = False


def _tool(tool: Json, path: str, request: ChatRequest) -> Tool:
    if tool.get("type") not in (None, "custom"):
        raise NotCarried(f"{path}.type")
    only(
        {key: value for key, value in tool.items() if value is not False}, path,
        "type", "name", "description", "input_schema", "strict", "cache_control",
        "eager_input_streaming", "allowed_callers",
    )  # fmt: skip
    if tool.get("eager_input_streaming"):
        request.leave_out(f"{path}.eager_input_streaming")
    if (tool.get("allowed_callers") or ["direct"]) != ["direct"]:
        raise NotCarried(f"{path}.allowed_callers")
    made = Tool(tool["name"], path=path, cache=cache_of(tool, path))
    made.schema = need(tool, "input_schema", dict, path)
    if tool.get("description"):
        made.description = need(tool, "description", str, path)
    if tool.get("strict") is not None:
        made.strict = need(tool, "strict", bool, path)
    return made


def _tool_choice(choice: Json) -> ToolChoice:
    only(choice, "tool_choice", "type", "name", "disable_parallel_tool_use")
    match choice:
        case {"type": "auto" | "none" as kind}:
            return ToolChoice(kind)
        case {"type": "any"}:
            return ToolChoice("required")
        case {"type": "tool", "name": str(name)}:
            return ToolChoice("named", (name,))
    raise NotCarried("tool_choice.type")


def _thinking(asked: Any, effort: Any, request: ChatRequest) -> Thinking | None:
    if effort is not None and (type(effort) is not str or effort not in _EFFORTS):
        raise NotCarried("output_config.effort")
    said = None if effort is None else Thinking(effort)
    if asked is None:
        return said
    if type(asked) is not dict:
        raise NotCarried("thinking", "must be an object")
    only(asked, "thinking", "type", "budget_tokens", "display")
    shown = asked.get("display") != "omitted"
    match asked.get("type"):
        case "disabled":
            return said
        case "enabled":
            return Thinking(effort, need(asked, "budget_tokens", int, "thinking"), shown)
        case "adaptive" | "between_tools":
            request.paths["budget_tokens"] = "thinking"
            return Thinking(effort, -1, shown)
    raise NotCarried("thinking.type")


def _output(wanted: Any, path: str) -> OutputFormat:
    match wanted:
        case {"type": "json_schema", "schema": dict(schema)} if len(wanted) == 2:
            return OutputFormat("json_schema", schema, strict=True)
    raise NotCarried(path)
