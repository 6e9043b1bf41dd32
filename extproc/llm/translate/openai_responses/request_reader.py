"""A Responses request, read.

Refused here, by name, is what no other dialect can say and what changes answers: OpenAI's own
tools, state it keeps (`previous_response_id`, `conversation`, `prompt`), grammars of custom tools,
fields nobody knows. Left out and reported: `store`, `metadata`, `truncation` (elsewhere a request
that is too long fails, it is not cut), `prompt_cache_*`, tiers of price and speed. A field that
asks for nothing (null, empty, its default) is neither.
"""

from __future__ import annotations

from typing import Any, Literal

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from extproc.llm.translate.not_carried import NotCarried, need, only
from extproc.llm.translate.openai_responses.custom_tools import SCHEMA
from extproc.llm.translate.openai_responses.item_reader import read_input
from extproc.llm.translate.openai_responses.part_reader import listed

_READ = frozenset(
    ("model", "input", "instructions", "stream", "max_output_tokens", "temperature", "top_p",
     "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "user",
     "safety_identifier", "service_tier", "include")
)  # fmt: skip
_LEFT_OUT = frozenset(
    ("store", "metadata", "truncation", "prompt_cache_key", "prompt_cache_retention",
     "prompt_cache_options", "max_tool_calls", "client_metadata", "stream_options")
)  # fmt: skip
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "store": (False,), "background": (False,), "truncation": ("disabled",),
    "stream_options": ({"include_obfuscation": False},),
}  # fmt: skip
_TIERS_LEFT_OUT = frozenset(("flex", "scale", "priority", "fast", "ultrafast"))
_EFFORTS = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))
_LOGPROBS = "message.output_text.logprobs"
_SEALS = "reasoning.encrypted_content"


def read_request(body: Json) -> ChatRequest:
    """A body that `OpenAIResponses.read_call` has accepted. Raises NotCarried."""
    request = ChatRequest(paths={
        "system": "instructions", "thinking": "reasoning", "effort": "reasoning.effort",
        "output": "text.format", "verbosity": "text.verbosity", "logprobs": "include",
    })  # fmt: skip
    for key, value in body.items():
        if key not in _READ:
            _unread(key, value, request)
    read_input(body, request)
    request.max_output_tokens = body.get("max_output_tokens")
    _sampling(body, request)
    _caller(body, request)
    _tools(body, request)
    _text(body.get("text") or {}, request)
    request.thinking = _thinking(body.get("reasoning") or {})
    return request


def _unread(key: str, value: Any, request: ChatRequest) -> None:
    if value is None or value in ("", [], {}) or value in _ASKS_NOTHING.get(key, ()):
        return
    if key not in _LEFT_OUT:
        raise NotCarried(key)
    request.leave_out(key)


def _sampling(body: Json, request: ChatRequest) -> None:
    for key in ("temperature", "top_p"):
        value = body.get(key)
        if value is not None and type(value) not in (int, float):
            raise NotCarried(key, "must be a number")
        setattr(request, key, value)
    for position, wanted in enumerate(listed(body, "include", "")):
        if wanted == _LOGPROBS:
            request.logprobs = True
        elif wanted != _SEALS:
            request.leave_out(f"include[{position}]")
    most = body.get("top_logprobs")
    if most is not None:
        request.top_logprobs = need(body, "top_logprobs", int, "")
        request.logprobs = request.logprobs or most > 0


def _caller(body: Json, request: ChatRequest) -> None:
    for key in ("user", "safety_identifier"):
        if not body.get(key):
            continue
        if request.user not in (None, need(body, key, str, "")):
            raise NotCarried(key, "and 'user' differ; this provider takes one")
        request.user, request.paths["user"] = body[key], key
    tier = body.get("service_tier")
    if tier in ("auto", "default"):
        request.service_tier = tier
    elif type(tier) is str and tier in _TIERS_LEFT_OUT:
        request.leave_out("service_tier")
    elif tier is not None:
        raise NotCarried("service_tier")


def _tools(body: Json, request: ChatRequest) -> None:
    tools = body.get("tools") or ()
    request.tools = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    request.tool_choice = _tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is not None:
        request.parallel_tool_calls = need(body, "parallel_tool_calls", bool, "")


def _tool(tool: Json, path: str) -> Tool:
    known: tuple[str, ...]
    match tool["type"]:
        case "function":
            known = ("type", "name", "description", "parameters", "strict", "allowed_callers")
        case "custom":
            known = ("type", "name", "description", "format", "allowed_callers")
        case _:
            raise NotCarried(f"{path}.type")
    # A caller that only lets the model itself call a tool asks for nothing.
    only({k: v for k, v in tool.items() if v is not False}, path, *known)
    if tool.get("allowed_callers") not in (None, [], ["direct"]):
        raise NotCarried(f"{path}.allowed_callers")
    made = Tool(tool["name"], path=path)
    if tool.get("description"):
        made.description = need(tool, "description", str, path)
    if tool["type"] == "custom":
        if tool.get("format") not in (None, {"type": "text"}):
            raise NotCarried(f"{path}.format")
        made.schema = SCHEMA
    elif tool.get("parameters"):
        made.schema = need(tool, "parameters", dict, path)
    if tool.get("strict") is not None:
        made.strict = need(tool, "strict", bool, path)
    return made


def _tool_choice(choice: Any) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "none" | "auto" | "required":
            return ToolChoice(choice)
        case {"type": "function" | "custom", "name": str(name)}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "mode": "auto" | "required", "tools": list(tools)} if tools:
            kind: Literal["auto", "required"] = choice["mode"]
            return ToolChoice(kind, tuple(map(_allowed, tools)))
    raise NotCarried("tool_choice")


def _allowed(tool: Any) -> str:
    match tool:
        case {"type": "function" | "custom", "name": str(name)}:
            return name
    raise NotCarried("tool_choice.tools")


def _text(text: Json, request: ChatRequest) -> None:
    only(text, "text", "format", "verbosity")
    if text.get("verbosity") is not None:
        request.verbosity = need(text, "verbosity", str, "text")
    match text.get("format"):
        case None | {"type": "text"}:
            return
        case {"type": "json_object"}:
            request.output = OutputFormat("json_object")
        case {"type": "json_schema"}:
            request.output = _schema(text["format"])
        case _:
            raise NotCarried("text.format")


def _schema(asked: Json) -> OutputFormat:
    only(asked, "text.format", "type", "name", "schema", "description", "strict")
    schema = need(asked, "schema", dict, "text.format")
    strict = asked.get("strict")
    if strict is not None and type(strict) is not bool:
        raise NotCarried("text.format.strict", "must be a boolean")
    name, description = asked.get("name") or "", asked.get("description") or ""
    if type(name) is not str or type(description) is not str:
        raise NotCarried("text.format", "must have a string as its name and its description")
    return OutputFormat("json_schema", schema, name, description, strict)


def _thinking(asked: Json) -> Thinking | None:
    only(asked, "reasoning", "effort", "summary", "generate_summary", "context")
    if asked.get("context") not in (None, "auto"):
        raise NotCarried("reasoning.context")
    effort = asked.get("effort")
    if effort is not None and (type(effort) is not str or effort not in _EFFORTS):
        raise NotCarried("reasoning.effort")
    shown = bool(asked.get("summary") or asked.get("generate_summary"))
    return Thinking(effort, shown=shown) if effort is not None or shown else None
