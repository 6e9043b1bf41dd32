"""A chat request as a Cohere Chat v2 body.

Wire: docs.cohere.com/reference/chat; "Reasoning"; "Structured outputs". The model's name is put in
by the dialect.

Promises: what the caller asked for is asked for in Cohere's words, or refused by the field's name.
Refused, for Cohere has no word for it: more than one choice, OpenAI's log probabilities (Cohere's
are of another shape), one tool call at a time, a verbosity, structured output beside tools, numbers
outside Cohere's ranges. Left out and reported: who the user is, cache hints (Cohere caches by
itself), an effort (its models think unless told not to; only a number of tokens bounds them).
"""

from __future__ import annotations

import math

from extproc.llm.call import Json
from extproc.llm.translate.cohere_chat.messages_writer import messages
from extproc.llm.translate.conversation import ChatRequest, Thinking, Tool, ToolChoice
from extproc.llm.translate.not_carried import NotCarried

STOPS_MAX = 5
_TOP_P_MAX = 0.99
_RANGES: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, math.inf),
    "top_p": ("p", 0.01, _TOP_P_MAX),
    "top_k": ("k", 0, 500),
    "seed": ("seed", 0, 2**64 - 1),
    "frequency_penalty": ("frequency_penalty", 0, 1),
    "presence_penalty": ("presence_penalty", 0, 1),
}
"""Our name -> Cohere's, least, most."""


def write_request(request: ChatRequest) -> Json:
    """Without the model. Raises NotCarried."""
    _refuse_uncarried(request)
    body: Json = {"messages": messages(request)}
    if request.stream:
        body["stream"] = True
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    _sampling(request, body)
    _tools(request, body)
    _output(request, body)
    if request.thinking is not None:
        _thinking(request, request.thinking, body)
    return body


def _refuse_uncarried(request: ChatRequest) -> None:
    if request.choices != 1:
        request.refuse("choices")
    for name in ("logprobs", "top_logprobs"):
        if getattr(request, name):
            request.refuse(name)
    if request.verbosity not in (None, "medium"):
        request.refuse("verbosity")
    if request.user:
        request.leave_out("user")


def _sampling(request: ChatRequest, body: Json) -> None:
    for name, (key, least, most) in _RANGES.items():
        value = getattr(request, name)
        if value is None:
            continue
        if type(value) not in (int, float):
            request.refuse(name, "must be a number")
        if name == "top_p" and _TOP_P_MAX < value <= 1:
            # 1 asks for no bound, as unasked elsewhere; here unasked is 0.75, and this the most.
            request.leave_out(name)
            value = _TOP_P_MAX
        if not least <= value <= most:
            request.refuse(name, f"must be between {least} and {most} for this provider")
        body[key] = value
    if len(request.stop) > STOPS_MAX:
        request.refuse("stop", f"must not hold more than {STOPS_MAX} for this provider")
    if request.stop:
        body["stop_sequences"] = request.stop


def _tools(request: ChatRequest, body: Json) -> None:
    choice = request.tool_choice
    if not request.tools:
        if choice is not None and choice.kind in ("required", "named"):
            request.refuse("tool_choice", "needs tools")
        return
    declared = _allowed(request, choice)
    body["tools"] = [_tool(tool) for tool in declared]
    if any(tool.strict for tool in declared):
        loose = next((tool for tool in declared if not tool.strict), None)
        if loose is not None:
            raise NotCarried(loose.path, "must be strict as the others are for this provider")
        body["strict_tools"] = True
    if choice is not None and choice.kind == "none":
        body["tool_choice"] = "NONE"
        return
    if request.parallel_tool_calls is False:
        request.leave_out("parallel_tool_calls")
    if choice is not None and choice.kind != "auto":
        body["tool_choice"] = "REQUIRED"


def _allowed(request: ChatRequest, choice: ToolChoice | None) -> list[Tool]:
    """Cohere can force a call and name no tool: those that may not be called are not declared."""
    names = choice.names if choice is not None else ()
    if choice is not None and choice.kind == "named" and not names:
        request.refuse("tool_choice", "names no tool")
    made: list[Tool] = []
    for tool in request.tools:
        if names and tool.name not in names:
            request.leave_out(tool.path)
        else:
            made.append(tool)
        if tool.cache is not None:
            request.leave_out(f"{tool.path}.{request.paths.get('cache', 'cache_control')}")
    if not made:
        request.refuse("tool_choice", "names no declared tool")
    return made


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _output(request: ChatRequest, body: Json) -> None:
    if request.output is None:
        return
    if request.tools:
        request.refuse("output", "cannot stand beside tools for this provider")
    body["response_format"] = {"type": "json_object"}
    schema = request.output.schema
    if schema is not None:
        if request.output.description and "description" not in schema:
            schema = {"description": request.output.description, **schema}
        body["response_format"]["json_schema"] = schema


def _thinking(request: ChatRequest, asked: Thinking, body: Json) -> None:
    budget = asked.budget_tokens
    if asked.effort == "none" or (asked.effort is None and budget == 0):
        body["thinking"] = {"type": "disabled"}
        return
    if asked.effort is not None:
        request.leave_out("effort")
    if budget:
        body["thinking"] = {"type": "enabled"}
        if budget > 0:
            body["thinking"]["token_budget"] = budget
