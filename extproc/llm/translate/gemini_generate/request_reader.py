"""A Gemini caller's request, in nobody's dialect.

Refused by name: hosted tools, cached content, sound and pictures as answers, and what else only
Google's models can do. Left out and reported: safety settings, labels, tiers that change price or
speed, which no other provider has.
"""

from __future__ import annotations

from typing import Any, Literal

from extproc.llm.call import Json
from extproc.llm.gemini_fields import camel, listed, named
from extproc.llm.translate.conversation import (
    ChatRequest,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from extproc.llm.translate.gemini_generate.contents_reader import ContentsReader, read_system
from extproc.llm.translate.gemini_generate.known import known_only
from extproc.llm.translate.gemini_generate.media import detail_of
from extproc.llm.translate.gemini_generate.schema import json_schema
from extproc.llm.translate.not_carried import NotCarried, need

_CARRIED = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model",
            "safetySettings", "labels", "serviceTier", "store")  # fmt: skip
_NUMBERS = {
    "temperature": "temperature", "topP": "top_p", "topK": "top_k", "seed": "seed",
    "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty",
    "maxOutputTokens": "max_output_tokens",
}  # fmt: skip
_WHOLE = frozenset(("topK", "seed", "maxOutputTokens"))
_USUAL_TOP_K = (40, 64)
"""What Google's models assume; Google's own command line says it with every call."""
_CONFIG = (*_NUMBERS, "candidateCount", "stopSequences", "responseLogprobs", "logprobs",
           "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig",
           "responseModalities", "mediaResolution")  # fmt: skip
_NAMES = {
    "system": "systemInstruction", "turns": "contents",
    "tool_choice": "toolConfig.functionCallingConfig",
    "max_output_tokens": "generationConfig.maxOutputTokens",
    "temperature": "generationConfig.temperature", "top_p": "generationConfig.topP",
    "top_k": "generationConfig.topK", "seed": "generationConfig.seed",
    "frequency_penalty": "generationConfig.frequencyPenalty",
    "presence_penalty": "generationConfig.presencePenalty",
    "stop": "generationConfig.stopSequences", "choices": "generationConfig.candidateCount",
    "logprobs": "generationConfig.responseLogprobs", "top_logprobs": "generationConfig.logprobs",
    "output": "generationConfig.responseMimeType", "thinking": "generationConfig.thinkingConfig",
    "service_tier": "serviceTier",
}  # fmt: skip
_MODES: dict[Any, Literal["auto", "none", "required"]] = {
    "AUTO": "auto", "MODE_UNSPECIFIED": "auto", "VALIDATED": "auto", "ANY": "required",
    "NONE": "none",
}  # fmt: skip


def read_request(body: Json) -> ChatRequest:
    """Raises NotCarried. The body is one that `GeminiGenerate.read_call` has accepted."""
    fields = named(body)
    known_only(fields, "", *_CARRIED)
    request = ChatRequest(paths=dict(_NAMES))
    config = named(fields.get("generationConfig") or {})
    detail = _config(config, request)
    request.system = read_system(fields.get("systemInstruction"), "systemInstruction")
    contents = listed(fields.get("contents"))
    request.turns = ContentsReader(request, detail).read(contents)
    for position, tool in enumerate(listed(fields.get("tools"))):
        _tools(named(tool), f"tools[{position}]", request)
    _tool_config(named(fields.get("toolConfig") or {}), request)
    _beside(fields, request)
    return request


def _beside(fields: Json, request: ChatRequest) -> None:
    """What stands beside contents and tools."""
    for name in ("safetySettings", "labels"):
        if fields.get(name):
            request.leave_out(name)
    if fields.get("store"):
        raise NotCarried("store")
    tier = fields.get("serviceTier")
    if tier == "standard":
        request.service_tier = "default"
    elif tier not in (None, "unspecified"):
        request.leave_out("serviceTier")


def _config(config: Json, request: ChatRequest) -> str:
    """Reads the generation config; returns the detail asked for of all pictures."""
    path = "generationConfig"
    known_only(config, path, *_CONFIG)
    for name, target in _NUMBERS.items():
        if config.get(name) is not None:
            setattr(request, target, _number(config[name], f"{path}.{name}", name in _WHOLE))
    if request.top_k in _USUAL_TOP_K:
        request.usual = frozenset(("top_k",))
    request.choices = config.get("candidateCount") or 1
    request.stop = _stop(config.get("stopSequences"), f"{path}.stopSequences")
    if config.get("responseModalities") not in (None, [], ["TEXT"]):
        raise NotCarried(f"{path}.responseModalities")
    _logprobs(config, request)
    request.output = _output(config, path)
    if config.get("thinkingConfig") is not None:
        request.thinking = _thinking(config["thinkingConfig"], f"{path}.thinkingConfig")
    return detail_of(config.get("mediaResolution"), f"{path}.mediaResolution")


def _number(value: Any, path: str, whole: bool) -> Any:
    if whole and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is int or (type(value) is float and not whole):
        return value
    raise NotCarried(path, "must be a whole number" if whole else "must be a number")


def _stop(value: Any, path: str) -> list[str]:
    stop = listed(value)
    if not all(type(one) is str for one in stop):
        raise NotCarried(path, "must be a list of strings")
    return stop


def _logprobs(config: Json, request: ChatRequest) -> None:
    asked, most = config.get("responseLogprobs"), config.get("logprobs")
    if asked not in (None, False, True):
        raise NotCarried("generationConfig.responseLogprobs", "must be a boolean")
    if most is not None and (type(most) is not int or not asked):
        raise NotCarried("generationConfig.logprobs", "must be a number beside responseLogprobs")
    request.logprobs, request.top_logprobs = bool(asked), most


def _output(config: Json, path: str) -> OutputFormat | None:
    media = config.get("responseMimeType")
    name = next((n for n in ("responseJsonSchema", "responseSchema") if config.get(n)), None)
    if media in (None, "", "text/plain"):
        if name:
            raise NotCarried(f"{path}.{name}", "needs the responseMimeType 'application/json'")
        return None
    if media != "application/json":
        raise NotCarried(f"{path}.responseMimeType")
    if name is None:
        return OutputFormat("json_object")
    where = f"{path}.{name}"
    if name == "responseSchema":
        if config.get("responseJsonSchema"):
            raise NotCarried(where, "and responseJsonSchema cannot both be there")
        return OutputFormat("json_schema", json_schema(config[name], where))
    return OutputFormat("json_schema", need(config, name, dict, path))


def _thinking(value: Any, path: str) -> Thinking | None:
    if type(value) is not dict:
        raise NotCarried(path, "must be an object")
    fields = named(value)
    known_only(fields, path,
         "thinkingBudget", "thinkingLevel", "includeThoughts")  # fmt: skip
    budget, level = fields.get("thinkingBudget"), fields.get("thinkingLevel")
    if budget is not None and type(budget) is not int:
        raise NotCarried(f"{path}.thinkingBudget", "must be a whole number")
    if level is not None and type(level) is not str:
        raise NotCarried(f"{path}.thinkingLevel", "must be a string")
    effort = level.lower() if level and level != "THINKING_LEVEL_UNSPECIFIED" else None
    shown = fields.get("includeThoughts") is True
    return Thinking(effort, budget, shown) if effort or budget is not None or shown else None


def _tools(tool: Json, path: str, request: ChatRequest) -> None:
    for name, value in tool.items():
        if name != "functionDeclarations" and value is not None:
            raise NotCarried(f"{path}.{name}")
    for position, declared in enumerate(listed(tool.get("functionDeclarations"))):
        where = f"{path}.functionDeclarations[{position}]"
        request.tools.append(_tool(named(declared), where))


def _tool(declared: Json, path: str) -> Tool:
    known_only(
        declared, path, "name", "description", "parameters", "parametersJsonSchema", "behavior"
    )
    if declared.get("behavior") not in (None, "UNSPECIFIED", "BLOCKING"):
        raise NotCarried(f"{path}.behavior")
    tool = Tool(declared["name"], path=path)
    if declared.get("description") is not None:
        tool.description = need(declared, "description", str, path)
    if declared.get("parametersJsonSchema"):
        tool.schema = need(declared, "parametersJsonSchema", dict, path)
    elif declared.get("parameters"):
        schema = json_schema(declared["parameters"], f"{path}.parameters")
        tool.schema = {"type": "object", **schema}
    return tool


def _tool_config(config: Json, request: ChatRequest) -> None:
    known_only(config, "toolConfig",
         "functionCallingConfig")  # fmt: skip
    path = "toolConfig.functionCallingConfig"
    calling = config.get("functionCallingConfig")
    if calling is None:
        return
    if type(calling) is not dict:
        raise NotCarried(path, "must be an object")
    fields = {camel(key): value for key, value in calling.items() if value is not None}
    known_only(fields, path,
         "mode", "allowedFunctionNames", "streamFunctionCallArguments")  # fmt: skip
    if fields.get("streamFunctionCallArguments"):
        request.leave_out(f"{path}.streamFunctionCallArguments")
    mode = fields.get("mode", "AUTO")
    if type(mode) is not str or mode not in _MODES:
        raise NotCarried(f"{path}.mode")
    if mode == "VALIDATED":
        request.leave_out(f"{path}.mode")
    names = tuple(_stop(fields.get("allowedFunctionNames"), f"{path}.allowedFunctionNames"))
    kind = _MODES[mode]
    if kind == "required" and len(names) == 1:
        request.tool_choice = ToolChoice("named", names)
    else:
        request.tool_choice = ToolChoice(kind, names)
