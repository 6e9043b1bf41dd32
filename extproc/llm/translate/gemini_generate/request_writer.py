"""A request for Gemini.

Sources: ai.google.dev, "Generating content" (GenerationConfig), "Function calling", "Structured
output", "Thinking"; "OpenAI compatibility" for what an effort is in tokens of thought: a budget is
what both the 2.5 and the 3 models take, a level only the latter. Schemas go where JSON Schema is
read (`parametersJsonSchema`, `responseJsonSchema`): Google's own `Schema` refuses half of it.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatRequest, Image, OutputFormat, Tool, ToolResult
from extproc.llm.translate.gemini_generate.contents_writer import write_contents
from extproc.llm.translate.gemini_generate.media import resolution_of

_STOPS_MAX = 5
_BUDGETS = {
    "none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576,
    "max": 24576,
}  # fmt: skip
_SAME = {
    "maxOutputTokens": "max_output_tokens", "temperature": "temperature", "topP": "top_p",
    "topK": "top_k", "seed": "seed", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}  # fmt: skip
_EMPTY = frozenset(("type", "properties", "required", "additionalProperties", "$schema"))


def write_request(request: ChatRequest) -> Json:
    """Without the model's name, which stands in the path. Raises NotCarried."""
    for text in request.system:
        if text.cache is not None:
            request.leave_out(f"{text.path}.cache_control")
    body: Json = {"contents": write_contents(request)}
    system = [{"text": text.text} for text in request.system if text.text]
    if system:
        body["systemInstruction"] = {"parts": system}
    _tools(request, body)
    config = _config(request)
    if config:
        body["generationConfig"] = config
    if request.user:
        request.leave_out("user")
    if request.verbosity not in (None, "medium"):
        request.refuse("verbosity")
    return body


def _config(request: ChatRequest) -> Json:
    config: Json = {}
    for name, field in _SAME.items():
        value = getattr(request, field)
        if value is not None:
            config[name] = value
    if request.stop:
        if len(request.stop) > _STOPS_MAX:
            request.refuse("stop", f"must not hold more than {_STOPS_MAX} for this provider")
        config["stopSequences"] = request.stop
    if request.choices > 1:
        config["candidateCount"] = request.choices
    if request.logprobs:
        config["responseLogprobs"] = True
        if request.top_logprobs:
            config["logprobs"] = request.top_logprobs
    if request.output is not None:
        _output(request.output, config)
    thinking = _thinking(request)
    if thinking:
        config["thinkingConfig"] = thinking
    resolution = _resolution(request)
    if resolution:
        config["mediaResolution"] = resolution
    return config


def _output(output: OutputFormat, config: Json) -> None:
    config["responseMimeType"] = "application/json"
    if output.schema is None:
        return
    named: Json = {"title": output.name} if output.name else {}
    if output.description:
        named["description"] = output.description
    config["responseJsonSchema"] = {**named, **output.schema}


def _thinking(request: ChatRequest) -> Json:
    asked = request.thinking
    if asked is None:
        return {}
    made: Json = {}
    if asked.budget_tokens is not None:
        made["thinkingBudget"] = asked.budget_tokens
    elif asked.effort is not None:
        if asked.effort not in _BUDGETS:
            request.refuse("thinking")
        made["thinkingBudget"] = _BUDGETS[asked.effort]
    if asked.shown:
        made["includeThoughts"] = True
    return made


def _resolution(request: ChatRequest) -> str | None:
    """One for all pictures is what every model takes; where they differ it is Google's own."""
    parts = [part for turn in request.turns for part in turn.parts]
    parts += [item for part in parts if isinstance(part, ToolResult) for item in part.content]
    images = [part for part in parts if isinstance(part, Image)]
    wanted = {resolution_of(image.detail) for image in images}
    if len(wanted) == 1:
        return wanted.pop()
    for image in images:
        if resolution_of(image.detail):
            request.leave_out(f"{image.path}.detail")
    return None


def _tools(request: ChatRequest, body: Json) -> None:
    choice = request.tool_choice
    if not request.tools:
        if choice is not None and choice.kind in ("required", "named"):
            request.refuse("tool_choice", "needs tools")
        return
    if request.parallel_tool_calls is False and not (choice and choice.kind == "none"):
        request.leave_out("parallel_tool_calls")
    tools = request.tools
    if choice is not None and choice.kind == "auto" and choice.names:
        tools = [tool for tool in tools if tool.name in choice.names]
    body["tools"] = [{"functionDeclarations": [_tool(tool, request) for tool in tools]}]
    if choice is None or choice.kind == "auto":
        return
    calling: Json = {"mode": "NONE" if choice.kind == "none" else "ANY"}
    if choice.names and choice.kind != "none":
        calling["allowedFunctionNames"] = list(choice.names)
    body["toolConfig"] = {"functionCallingConfig": calling}


def _tool(tool: Tool, request: ChatRequest) -> Json:
    made: Json = {"name": tool.name}
    if tool.description:
        made["description"] = tool.description
    if tool.schema.get("properties") or not _EMPTY.issuperset(tool.schema):
        made["parametersJsonSchema"] = tool.schema
    if tool.strict:
        request.leave_out(f"{tool.path}.strict")
    if tool.cache is not None:
        request.leave_out(f"{tool.path}.cache_control")
    return made
