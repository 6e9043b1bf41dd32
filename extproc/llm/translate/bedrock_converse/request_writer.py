"""A chat request as a Converse body.

Wire: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; user guide,
"Inference parameters for foundation models", "Extended thinking", "Structured outputs".

Promises: what the caller asked for is asked for in Converse's words, or refused by the field's
name. Refused, for Converse has no word for it: more than one choice, log probabilities, `seed`,
`top_k` and penalties (each model has its own, and the model is not known here), one tool call at a
time, JSON without a schema, a verbosity. Left out and reported: who the user is, whether thoughts
are to be shown.

Thinking: an effort is Converse's `outputConfig.effort`. A budget is a word of Claude's alone and
goes into `additionalModelRequestFields`; another model refuses it, which is louder than silence.
"""

from __future__ import annotations

import orjson

from extproc.llm.call import Json
from extproc.llm.translate.bedrock_converse.messages_writer import cache_point, messages
from extproc.llm.translate.bedrock_converse.tools_writer import tool_config
from extproc.llm.translate.conversation import ChatRequest, OutputFormat, Text, Thinking

BUDGET_TOKENS_MIN = 1024
_EFFORTS = frozenset(("low", "medium", "high", "xhigh", "max"))


def write_request(request: ChatRequest) -> Json:
    """Without the model, which stands in the path. Raises NotCarried."""
    _refuse_uncarried(request)
    body: Json = {"messages": messages(request)}
    if system := _system(request, request.system):
        body["system"] = system
    if inference := _inference(request):
        body["inferenceConfig"] = inference
    if tools := tool_config(request):
        body["toolConfig"] = tools
    if output := _output(request):
        body["outputConfig"] = output
    if request.thinking is not None and (more := _thinking(request, request.thinking)):
        body["additionalModelRequestFields"] = more
    if request.service_tier == "default":  # "auto" is what every account has unasked
        body["serviceTier"] = {"type": "default"}
    if request.stop:
        # Claude says there which of them it met; other models have no such field, and it is ignored
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    return body


def _refuse_uncarried(request: ChatRequest) -> None:
    if request.choices != 1:
        request.refuse("choices")
    for name in ("seed", "top_k"):
        if getattr(request, name) is not None:
            request.decline(name)
    for name in ("logprobs", "top_logprobs", "frequency_penalty", "presence_penalty"):
        if getattr(request, name):
            request.refuse(name)
    if request.verbosity not in (None, "medium"):
        request.refuse("verbosity")
    if request.user:
        request.leave_out("user")


def _system(request: ChatRequest, texts: list[Text]) -> list[Json]:
    blocks: list[Json] = []
    for part in texts:
        if part.text:
            blocks.append({"text": part.text})
        if part.cache is not None and blocks:
            blocks.append(cache_point(part.cache))
    return blocks


def _inference(request: ChatRequest) -> Json:
    config: Json = {}
    if request.max_output_tokens is not None:
        config["maxTokens"] = request.max_output_tokens
    for name, key in (("temperature", "temperature"), ("top_p", "topP")):
        value = getattr(request, name)
        if value is None:
            continue
        if type(value) not in (int, float) or not 0 <= value <= 1:
            request.refuse(name, "must be between 0 and 1 for this provider")
        config[key] = value
    if request.stop:
        if "" in request.stop:
            request.refuse("stop", "must not hold an empty string for this provider")
        config["stopSequences"] = request.stop
    return config


def _output(request: ChatRequest) -> Json:
    config: Json = {}
    if request.output is not None:
        config["textFormat"] = _text_format(request, request.output)
    effort = request.thinking.effort if request.thinking is not None else None
    if effort == "minimal":
        request.leave_out("effort")
        effort = "low"
    if effort in _EFFORTS:
        config["effort"] = effort
    elif effort not in (None, "none"):
        request.refuse("effort")
    return config


def _text_format(request: ChatRequest, output: OutputFormat) -> Json:
    if output.schema is None:
        request.refuse("output", "needs a JSON schema for this provider")
    made: Json = {"schema": orjson.dumps(output.schema).decode()}
    if output.name:
        made["name"] = output.name
    if output.description:
        made["description"] = output.description
    return {"type": "json_schema", "structure": {"jsonSchema": made}}


def _thinking(request: ChatRequest, asked: Thinking) -> Json:
    effort, budget = asked.effort, asked.budget_tokens
    if effort == "none" or (effort is None and budget == 0):
        return {"thinking": {"type": "disabled"}}
    if not budget:
        if asked.shown:
            request.leave_out("shown")
        return {}
    if budget < 0:
        # Models that know "adaptive" hide their thoughts unless told to show them.
        shown = {"display": "summarized"} if asked.shown else {}
        return {"thinking": {"type": "adaptive", **shown}}
    return {"thinking": {"type": "enabled", "budget_tokens": _budget(request, budget)}}


def _budget(request: ChatRequest, budget: int) -> int:
    """Claude's bounds: at least 1024, and less than the maximum of all output."""
    sent = max(budget, BUDGET_TOKENS_MIN)
    if request.max_output_tokens is not None:
        sent = min(sent, request.max_output_tokens - 1)
    if sent < BUDGET_TOKENS_MIN:
        request.refuse("budget_tokens", "needs a larger maximum of output tokens at this provider")
    if sent != budget:
        request.leave_out("budget_tokens")
    return sent
