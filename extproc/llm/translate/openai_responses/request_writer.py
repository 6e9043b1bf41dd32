"""A chat request as one of the Responses.

`store` is always false: a caller of another dialect never asked that its words be kept. Refused by
the caller's own name: stop sequences, `top_k`, seeds, penalties, more than one answer.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from extproc.llm.translate.openai_responses.item_writer import write_items

LOW_BUDGET, MEDIUM_BUDGET = 4_096, 16_384
"""Tokens of thought up to which an effort is taken for low, or for medium."""
_LOGPROBS = "message.output_text.logprobs"
_SEALS = "reasoning.encrypted_content"
_NO_PLACE = ("top_k", "seed", "frequency_penalty", "presence_penalty")


def write_request(request: ChatRequest) -> Json:
    """Without the model's name. Raises NotCarried."""
    _refuse(request)
    items: list[Json] = []
    made: Json = {"input": items, "store": False}
    _system(request, made, items)
    for turn in request.turns:
        items += write_items(turn, request)
    if request.stream:
        made["stream"] = True
    for key in ("max_output_tokens", "temperature", "top_p", "user", "service_tier"):
        value = getattr(request, key)
        if value is not None:
            made[key] = value
    _tools(request, made)
    _text(request, made)
    _include(request, made)
    return made


def _refuse(request: ChatRequest) -> None:
    for name in _NO_PLACE:
        if getattr(request, name):
            request.decline(name)
    if request.seed is not None:
        request.refuse("seed")
    if request.stop:
        request.refuse("stop")
    if request.choices > 1:
        request.refuse("choices")


def _system(request: ChatRequest, made: Json, items: list[Json]) -> None:
    """One text is the instructions; several stay apart, as a developer's message."""
    for part in request.system:
        if part.cache is not None:
            request.leave_out(f"{part.path}.cache_control")
    if len(request.system) == 1:
        made["instructions"] = request.system[0].text
    elif request.system:
        content = [{"type": "input_text", "text": part.text} for part in request.system]
        items.append({"type": "message", "role": "developer", "content": content})


def _tools(request: ChatRequest, made: Json) -> None:
    if request.tools:
        made["tools"] = [_tool(tool, request) for tool in request.tools]
        if request.parallel_tool_calls is not None:
            made["parallel_tool_calls"] = request.parallel_tool_calls
    choice = request.tool_choice
    if choice is not None and (request.tools or choice.kind not in ("auto", "none")):
        made["tool_choice"] = _choice(choice)


def _tool(tool: Tool, request: ChatRequest) -> Json:
    """`strict` is said, for here it is on where nobody says anything."""
    if tool.cache is not None:
        request.leave_out(f"{tool.path}.cache_control")
    made: Json = {"type": "function", "name": tool.name, "parameters": tool.schema,
                  "strict": bool(tool.strict)}  # fmt: skip
    if tool.description:
        made["description"] = tool.description
    return made


def _choice(choice: ToolChoice) -> str | Json:
    if choice.kind == "named":
        return {"type": "function", "name": choice.names[0]}
    if not choice.names:
        return choice.kind
    tools = [{"type": "function", "name": name} for name in choice.names]
    return {"type": "allowed_tools", "mode": choice.kind, "tools": tools}


def _text(request: ChatRequest, made: Json) -> None:
    text: Json = {}
    if request.output is not None:
        text["format"] = _format(request.output)
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        made["text"] = text


def _format(output: OutputFormat) -> Json:
    if output.kind == "json_object":
        return {"type": "json_object"}
    made: Json = {"type": "json_schema", "name": output.name or "answer", "schema": output.schema}
    if output.description:
        made["description"] = output.description
    if output.strict is not None:
        made["strict"] = output.strict
    return made


def _include(request: ChatRequest, made: Json) -> None:
    include = []
    if request.thinking is not None:
        reasoning = _reasoning(request.thinking, request)
        if reasoning:
            made["reasoning"] = reasoning
        if reasoning.get("effort") != "none":
            include.append(_SEALS)
    if request.logprobs:
        include.append(_LOGPROBS)
        if request.top_logprobs is not None:
            made["top_logprobs"] = request.top_logprobs
    if include:
        made["include"] = include


def _reasoning(thinking: Thinking, request: ChatRequest) -> Json:
    """An effort; a number of tokens is the nearest one, which is reported."""
    made: Json = {}
    effort, budget = thinking.effort, thinking.budget_tokens
    if effort is None and budget is not None and budget >= 0:
        effort = "none" if budget == 0 else _effort(budget)
        if budget:
            request.leave_out("budget_tokens")
    if effort is not None:
        made["effort"] = effort
    if thinking.shown and effort != "none":
        made["summary"] = "auto"
    return made


def _effort(budget: int) -> str:
    if budget <= LOW_BUDGET:
        return "low"
    return "medium" if budget <= MEDIUM_BUDGET else "high"
