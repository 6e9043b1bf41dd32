"""A request in Anthropic's words.

Refused, by the caller's own name: a temperature above 1, `seed`, penalties, several choices, log
probabilities, `verbosity`, JSON without a schema. A name of a schema is left out: it is a label.
Efforts stay efforts (`output_config.effort`), budgets stay budgets. Tools that the caller's choice
does not allow are not sent.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.message_writer import (
    cache_control,
    write_messages,
    write_system,
)
from extproc.llm.translate.conversation import ChatRequest, OutputFormat, Thinking, Tool

THINKING_TOKENS_MIN = 1024
_TIERS = {"auto": "auto", "default": "standard_only"}


def write_request(request: ChatRequest, *, default_max_tokens: int) -> Json:
    """Raises NotCarried. `default_max_tokens`: Anthropic requires a maximum."""
    _refuse_uncarried(request)
    call: Json = {
        "max_tokens": request.max_output_tokens or default_max_tokens,
        "messages": write_messages(request),
    }
    system = write_system(request)
    if system is not None:
        call["system"] = system
    if request.stream:
        call["stream"] = True
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(request, name)
        if value is not None:
            call[name] = value
    if request.stop:
        call["stop_sequences"] = request.stop
    if request.user:
        call["metadata"] = {"user_id": request.user}
    if request.service_tier is not None:
        call["service_tier"] = _TIERS[request.service_tier]
    _tools(request, call)
    _output(request, call)
    return call


def _refuse_uncarried(request: ChatRequest) -> None:
    if request.choices != 1:
        request.refuse("choices")
    for name in ("seed", "output"):
        value = getattr(request, name)
        if value is not None and (name == "seed" or value.kind == "json_object"):
            request.refuse(name)
    for name in ("logprobs", "top_logprobs", "frequency_penalty", "presence_penalty"):
        if getattr(request, name):
            request.refuse(name)
    if request.verbosity not in (None, "medium"):
        request.refuse("verbosity")
    if request.temperature is not None and request.temperature > 1:
        request.refuse("temperature", "above 1 cannot be carried over to this provider")


def _tools(request: ChatRequest, call: Json) -> None:
    choice = request.tool_choice
    allowed = choice.names if choice is not None and choice.kind != "named" else ()
    tools = [_tool(tool) for tool in request.tools if not allowed or tool.name in allowed]
    if not tools:
        if choice is not None and choice.kind in ("required", "named"):
            request.refuse("tool_choice", "needs 'tools'")
        return
    call["tools"] = tools
    made = _tool_choice(request)
    if made is not None:
        call["tool_choice"] = made


def _tool_choice(request: ChatRequest) -> Json | None:
    choice = request.tool_choice
    made: Json | None = None
    match choice.kind if choice is not None else None:
        case "auto" | "none" as kind:
            made = {"type": kind}
        case "required":
            made = {"type": "any"}
        case "named":
            assert choice is not None
            made = {"type": "tool", "name": choice.names[0]}
    if request.parallel_tool_calls is False and made != {"type": "none"}:
        made = {**(made or {"type": "auto"}), "disable_parallel_tool_use": True}
    return made


def _tool(tool: Tool) -> Json:
    made: Json = {"name": tool.name, "input_schema": tool.schema}
    if tool.description:
        made["description"] = tool.description
    if tool.strict:
        made["strict"] = True
    if tool.cache is not None:
        made["cache_control"] = cache_control(tool.cache)
    return made


def _output(request: ChatRequest, call: Json) -> None:
    config: Json = {}
    if request.thinking is not None:
        _think(request.thinking, request, call, config)
    if request.output is not None:
        config["format"] = {"type": "json_schema", "schema": _schema(request.output)}
    if config:
        call["output_config"] = config


def _schema(wanted: OutputFormat) -> Json:
    schema = wanted.schema or {}
    return {"description": wanted.description, **schema} if wanted.description else schema


def _think(wanted: Thinking, request: ChatRequest, call: Json, config: Json) -> None:
    effort, budget = wanted.effort, wanted.budget_tokens
    if effort == "none" or (effort is None and budget == 0):
        call["thinking"] = {"type": "disabled"}
        return
    if effort == "minimal":
        request.leave_out("effort")
        effort = "low"
    if effort is not None:
        config["effort"] = effort
    if budget == -1:
        call["thinking"] = {"type": "adaptive"}
        if wanted.shown:
            call["thinking"]["display"] = "summarized"
    elif budget:
        call["thinking"] = {"type": "enabled", "budget_tokens": _budget(budget, request, call)}
    elif wanted.shown:
        request.leave_out("shown")


def _budget(budget: int, request: ChatRequest, call: Json) -> int:
    """Anthropic's bounds: at least 1024, and less than the maximum of all output."""
    most: int = call["max_tokens"] - 1
    if most < THINKING_TOKENS_MIN:
        request.refuse("budget_tokens", "needs a larger maximum of output tokens at this provider")
    sent = min(max(budget, THINKING_TOKENS_MIN), most)
    if sent != budget:
        request.leave_out("budget_tokens")
    return sent
