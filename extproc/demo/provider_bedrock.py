"""Bedrock's Converse requests and refusals in the provider stand-in
(docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and ..._ConverseStream).

Promises: the request fits the service's own model, as botocore has it, field by field; the rules
between messages are those that the service's errors tell of; a refusal names its kind in
`x-amzn-errortype`. No `retry-after`. Pure but for the model, which is read once.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

from extproc.demo import provider_aws
from extproc.demo.provider_event_stream import exception
from extproc.demo.provider_place import Options, Place, Received
from extproc.demo.provider_reply import Ask, Wrong, words
from extproc.demo.provider_schema import loose_object
from extproc.demo.provider_seal import opens

Json = dict[str, Any]
CACHED_INSIDE = False
HEADERS: dict[str, str] = {}
REQUEST_ID_HEADER = "x-amzn-requestid"
SERVER = "Server"
KEY = "bedrock_key"
SAYS_RETRY_AFTER = False
STREAM = "application/vnd.amazon.eventstream"
CODES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
IMAGES = ("png", "jpeg", "gif", "webp")


def unauthorized(received: Received, options: Options) -> Wrong | None:
    return provider_aws.refusal(received, options)


def not_json() -> Wrong:
    return Wrong(400, "Unexpected token at start of body", code="SerializationException")


def unknown_model(model: str) -> Wrong:
    return Wrong(400, "The provided model identifier is invalid.")


def no_route(received: Received) -> Wrong:
    return Wrong(404, "Unknown operation", code="UnknownOperationException")


def lists(path: str) -> bool:
    return False


@cache
def _shape() -> Shape:
    described = Loader().load_service_model("bedrock-runtime", "service-2")
    return ServiceModel(described, "bedrock-runtime").shape_for("ConverseRequest")


def read(body: Any, place: Place) -> Ask | Wrong:
    if not isinstance(body, dict):
        return not_json()
    if "modelId" in body:
        return _extraneous("modelId")
    report = ParamValidator().validate({**body, "modelId": place.model}, _shape())
    if report.has_errors():
        return Wrong(400, f"Malformed input request: {report.generate_report()}")
    wrong = _wrong_parts(body) or _wrong_turns(body) or _wrong_fields(body, place.model)
    return wrong or _ask(body, place)


def _extraneous(name: str) -> Wrong:
    message = f"Malformed input request: #: extraneous key [{name}] is not permitted"
    return Wrong(400, f"{message}, please reformat your input and try again.")


def _parts(body: Json) -> Iterator[tuple[str, Json]]:
    """Every content block with its place, results of tools included."""
    for at, message in enumerate(body.get("messages") or ()):
        for index, part in enumerate(message["content"]):
            where = f"messages.{at}.content.{index}"
            yield where, part
            if "toolResult" in part:
                for deeper, one in enumerate(part["toolResult"]["content"]):
                    yield f"{where}.toolResult.content.{deeper}", one


def _wrong_parts(body: Json) -> Wrong | None:
    for where, part in _parts(body):
        if "text" in part and not part["text"].strip():
            text = f"The text field in the ContentBlock object at {where} is blank. Add text to the"
            return Wrong(400, f"{text} text field, and try again.")
        for kind in ("image", "document", "audio", "video"):
            if kind in part and not _is_base64(part[kind]["source"].get("bytes", "eA==")):
                return Wrong(400, f"{where}.{kind}.source.bytes: invalid base64")
        if "image" in part and part["image"]["format"] not in IMAGES:
            return Wrong(400, f"{where}.image.format: one of {', '.join(IMAGES)}")
    return None


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except binascii.Error:
        return False


def _wrong_turns(body: Json) -> Wrong | None:
    called: set[str] = set()
    before = "assistant"
    for at, message in enumerate(body.get("messages") or ()):
        if message["role"] == before:
            if at == 0:
                return Wrong(400, "A conversation must start with a user message.")
            return Wrong(400, 'messages: roles must alternate between "user" and "assistant"')
        before = message["role"]
        results = {p["toolResult"]["toolUseId"] for p in message["content"] if "toolResult" in p}
        if lost := called - results:
            text = f"Expected toolResult blocks at messages.{at}.content for the following Ids:"
            return Wrong(400, f"{text} {', '.join(sorted(lost))}")
        if results - called:
            text = (
                "The number of toolResult blocks exceeds the number of toolUse blocks of previous"
            )
            return Wrong(400, f"{text} turn.")
        called = {p["toolUse"]["toolUseId"] for p in message["content"] if "toolUse" in p}
    return None


def _wrong_fields(body: Json, model: str) -> Wrong | None:
    uses = any("toolUse" in part or "toolResult" in part for _, part in _parts(body))
    if uses and not body.get("toolConfig"):
        text = "The toolConfig field must be defined when using toolUse and toolResult content"
        return Wrong(400, f"{text} blocks.")
    if "anthropic" in model and (wrong := _unsealed(body)):
        return wrong
    schema = answer_schema(body)
    if schema is not None and loose_object(schema):
        text = "outputConfig.textFormat: For 'object' type, 'additionalProperties' must be"
        return Wrong(400, f"{text} explicitly set to false")
    return None


def _unsealed(body: Json) -> Wrong | None:
    """Claude checks the signatures of its own thoughts here too."""
    for where, part in _parts(body):
        thought = part.get("reasoningContent", {}).get("reasoningText")
        if thought and not opens("bedrock", thought.get("signature", ""), thought["text"]):
            return Wrong(400, f"{where}: Invalid `signature` in `thinking` block")
    return None


def answer_schema(body: Json) -> Json | None:
    form = (body.get("outputConfig") or {}).get("textFormat") or {}
    described = form.get("structure", {}).get("jsonSchema")
    return dict(json.loads(described["schema"])) if described else None


def _texts(parts: list[Json]) -> list[str]:
    found = [part["text"] for part in parts if "text" in part]
    found += [orjson.dumps(part["json"]).decode() for part in parts if "json" in part]
    return found


def _ask(body: Json, place: Place) -> Ask:
    messages = body.get("messages") or []
    last = messages[-1]["content"] if messages else []
    users = [" ".join(_texts(one["content"])) for one in messages if one["role"] == "user"]
    results = [text for part in last if "toolResult" in part
               for text in _texts(part["toolResult"]["content"])]  # fmt: skip
    config, tools = body.get("inferenceConfig") or {}, body.get("toolConfig") or {}
    names = [tool["toolSpec"]["name"] for tool in tools.get("tools", ()) if "toolSpec" in tool]
    prompts = [text for text in users if text]
    sent = [" ".join(_texts([part])) for _, part in _parts(body)]
    sent += [part.get("text", "") for part in body.get("system") or ()]
    return Ask(
        model=place.model,
        prompt=prompts[-1] if prompts else "",
        input_tokens=sum(words(text) for text in sent),
        stream=place.stream,
        max_tokens=config.get("maxTokens"),
        stops=tuple(config.get("stopSequences") or ()),
        tool_result=" ".join(results) if results else None,
        forced_tool=_forced(tools.get("toolChoice") or {}, names),
        thinking=_thinks(body),
        schema=answer_schema(body),
        images=sum("image" in part for _, part in _parts(body)),
        tools=tuple(names),
    )


def _thinks(body: Json) -> bool:
    """Each model family has its own field for it (user guide, "Enhance model responses with model
    reasoning")."""
    more = body.get("additionalModelRequestFields") or {}
    told = more.get("thinking") or more.get("reasoning_config") or more.get("reasoningConfig") or {}
    said = told.get("type") in ("enabled", "adaptive") or bool(more.get("reasoning_effort"))
    effort = (body.get("outputConfig") or {}).get("effort")
    return said or effort not in (None, "none")


def _forced(choice: Json, names: list[str]) -> str | None:
    match choice:
        case {"tool": {"name": str(name)}}:
            return name
        case {"any": _} if names:
            return names[0]
    return None


def scripted(status: int) -> Wrong:
    said = {
        403: "You don't have access to the model with the specified model ID.",
        404: "Could not resolve the foundation model from the provided model identifier.",
        429: "Too many requests, please wait before trying again.",
        500: "The system encountered an unexpected error during processing.",
        503: "Bedrock is unable to process your request.",
    }
    return Wrong(status, said.get(status, "The provided request is not valid"))


def code_of(wrong: Wrong) -> str:
    default = "InternalServerException" if wrong.status >= 500 else "ValidationException"
    return wrong.code or CODES.get(wrong.status, default)


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    """The kind, with the namespace that some front ends put behind it."""
    name = code_of(wrong)
    return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}


def error(wrong: Wrong, request_id: str) -> bytes:
    """The kind stands in the header alone; the key of the text is capital at the front door."""
    return orjson.dumps({"Message" if wrong.status == 403 else "message": wrong.message})


def error_frame() -> bytes:
    """A stream that fails midway ends with a message of the type `exception`."""
    text = "Bedrock is unable to process your request."
    return exception("serviceUnavailableException", orjson.dumps({"message": text}))
