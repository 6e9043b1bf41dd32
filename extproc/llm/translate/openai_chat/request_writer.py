"""A request in Chat Completions' words.

Refused, by the caller's own name: `top_k`, more than four stop sequences, a last message of the
assistant's (OpenAI begins a new one and does not go on with it). Left out and reported: cache
hints, sealed thoughts, a budget of thinking tokens, which becomes the nearest effort.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatRequest, OutputFormat, Thinking, Tool, ToolChoice
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.openai_chat.message_writer import write_messages

STOP_SEQUENCES_MAX = 4
LOW_BUDGET_BELOW = 4096
HIGH_BUDGET_FROM = 16384
_SAME = (
    "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "top_logprobs",
    "user", "service_tier", "verbosity",
)  # fmt: skip


def write_request(request: ChatRequest) -> Json:
    """Raises NotCarried. The maximum is stated only where the caller stated one."""
    if request.top_k is not None:
        request.decline("top_k")
    if request.turns and request.turns[-1].role == "assistant":
        path = request.turns[-1].path
        raise NotCarried(path, "is the assistant's, and this provider does not continue a message")
    call: Json = {"messages": write_messages(request)}
    if request.max_output_tokens is not None:
        call["max_completion_tokens"] = request.max_output_tokens
    if request.stream:
        call["stream"] = True
    for name in _SAME:
        value = getattr(request, name)
        if value is not None:
            call[name] = value
    if request.choices != 1:
        call["n"] = request.choices
    if request.logprobs:
        call["logprobs"] = True
    if request.stop:
        if len(request.stop) > STOP_SEQUENCES_MAX:
            request.refuse("stop", f"must be at most {STOP_SEQUENCES_MAX} strings")
        call["stop"] = request.stop
    _tools(request, call)
    if request.output is not None:
        call["response_format"] = _output(request.output)
    if request.thinking is not None:
        _think(request.thinking, request, call)
    return call


def _tools(request: ChatRequest, call: Json) -> None:
    if request.tools:
        call["tools"] = [_tool(tool, request) for tool in request.tools]
        if request.parallel_tool_calls is not None:
            call["parallel_tool_calls"] = request.parallel_tool_calls
    choice = request.tool_choice
    if choice is None:
        return
    if request.tools:
        call["tool_choice"] = _tool_choice(choice)
    elif choice.kind not in ("none", "auto"):
        request.refuse("tool_choice", "needs 'tools'")


def _tool(tool: Tool, request: ChatRequest) -> Json:
    if tool.cache is not None:
        request.leave_out(f"{tool.path}.{request.paths.get('cache', 'cache_control')}")
    function: Json = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> Any:
    if choice.kind == "named":
        return {"type": "function", "function": {"name": choice.names[0]}}
    if not choice.names:
        return choice.kind
    tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.kind, "tools": tools}}


def _output(wanted: OutputFormat) -> Json:
    if wanted.kind == "json_object":
        return {"type": "json_object"}
    named: Json = {"name": wanted.name or "output", "schema": wanted.schema}
    if wanted.strict is not None:
        named["strict"] = wanted.strict
    if wanted.description:
        named["description"] = wanted.description
    return {"type": "json_schema", "json_schema": named}


def _think(wanted: Thinking, request: ChatRequest, call: Json) -> None:
    """An effort says more than a budget, which says more than nothing."""
    effort, budget = wanted.effort, wanted.budget_tokens
    if budget is not None and not (effort == "none" or (effort is None and budget == 0)):
        request.leave_out("budget_tokens")
    if effort is None and budget is not None and budget >= 0:
        effort = _effort(budget)
    if effort is not None:
        call["reasoning_effort"] = effort


def _effort(budget: int) -> str:
    if budget == 0:
        return "none"
    if budget < LOW_BUDGET_BELOW:
        return "low"
    return "medium" if budget < HIGH_BUDGET_FROM else "high"
