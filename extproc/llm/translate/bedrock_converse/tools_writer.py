"""The tools of a request as Converse's `toolConfig`.

Converse has no way to say that no tool may be called, and wants the tools declared as long as the
conversation holds calls of any ("The toolConfig field must be defined when using toolUse and
toolResult content blocks"). So a choice of `none` leaves the tools out and is reported, where no
call is in the history, and is refused where one is; and a history of calls without any tool is
refused. A choice among some of the tools declares those alone.
"""

from __future__ import annotations

import re

from extproc.llm.call import Json
from extproc.llm.translate.bedrock_converse.messages_writer import cache_point
from extproc.llm.translate.conversation import ChatRequest, Tool, ToolCall, ToolChoice, ToolResult
from extproc.llm.translate.not_carried import NotCarried

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_config(request: ChatRequest) -> Json | None:
    """None: there are no tools. Raises NotCarried."""
    choice = request.tool_choice
    forced = choice is not None and choice.kind in ("required", "named")
    if not request.tools:
        if forced:
            request.refuse("tool_choice", "needs tools")
        if _history_calls(request):
            request.refuse("tools", "must be declared while the conversation holds calls of any")
        return None
    if choice is not None and choice.kind == "none":
        if _history_calls(request):
            request.refuse("tool_choice", "cannot be 'none' here while the conversation holds "
                           "tool calls")  # fmt: skip
        request.leave_out("tools")
        return None
    if request.parallel_tool_calls is False:
        request.leave_out("parallel_tool_calls")
    if choice is not None and choice.kind == "named" and not choice.names:
        request.refuse("tool_choice", "names no tool")
    config: Json = {"tools": _tools(request, choice)}
    if choice is not None:
        config["toolChoice"] = _choice(choice)
    return config


def _history_calls(request: ChatRequest) -> bool:
    return any(
        type(part) in (ToolCall, ToolResult) for turn in request.turns for part in turn.parts
    )


def _tools(request: ChatRequest, choice: ToolChoice | None) -> list[Json]:
    allowed = choice.names if choice is not None and choice.kind != "named" else ()
    made: list[Json] = []
    for tool in request.tools:
        if allowed and tool.name not in allowed:
            request.leave_out(tool.path)
            continue
        made.append({"toolSpec": _spec(tool)})
        if tool.cache is not None:
            made.append(cache_point(tool.cache))
    if not made:
        request.refuse("tool_choice", "names no declared tool")
    return made


def _spec(tool: Tool) -> Json:
    if not TOOL_NAME.fullmatch(tool.name):
        raise NotCarried(tool.path, "has a name this provider does not take")
    spec: Json = {"name": tool.name, "inputSchema": {"json": tool.schema}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict:
        spec["strict"] = True
    return spec


def _choice(choice: ToolChoice) -> Json:
    if choice.kind == "named":
        return {"tool": {"name": choice.names[0]}}
    return {"any": {}} if choice.kind == "required" else {"auto": {}}
