"""Gemini's requests and refusals in the provider stand-in; Vertex has the same ones.

Promises: refuses what the API refuses (ai.google.dev/api/generate-content, "Troubleshooting"), in
the shape of google.rpc.Status; wants the thought signatures of the current turn back where Gemini 3
wants them (ai.google.dev/gemini-api/docs/thought-signatures). How long to wait stands in the body
(google.rpc.RetryInfo) and in no header. Pure.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from extproc.demo.provider_gemini_shapes import (
    BATCH_EMBED,
    COUNT,
    EMBED,
    GENERATE,
    PREDICT,
    VERTEX,
    normal,
    standard,
)
from extproc.demo.provider_place import Place, Received
from extproc.demo.provider_reply import Ask, Wrong, words
from extproc.demo.provider_seal import opens
from extproc.demo.provider_shape import Fault, Shape

Json = dict[str, Any]
CACHED_INSIDE = True
HEADERS = {"vary": "Origin, X-Origin, Referer", "x-content-type-options": "nosniff"}
REQUEST_ID_HEADER = "x-goog-request-id"
SERVER = "scaffolding on HTTPServer2"
KEY, ANY_KEY = "gemini_key", ""
SAYS_RETRY_AFTER = False
SKIP_SIGNATURE = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""Stand in place of a signature for calls that another model made (the same page)."""
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def key_of(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-goog-api-key") or None


def wrong_key(key: str | None) -> Wrong:
    """A missing key is a matter of permission, a wrong one of the request."""
    if key is None:
        message = (
            "Method doesn't allow unregistered callers (callers without established identity)."
        )
        return Wrong(403, f"{message} Please use API Key or other form of API consumer identity.")
    return Wrong(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID")


def missing_header(headers: Mapping[str, str]) -> Wrong | None:
    return None


def not_json() -> Wrong:
    return Wrong(400, "Invalid JSON payload received. Unexpected end of string.")


def unknown_model(model: str) -> Wrong:
    return Wrong(
        404,
        f"models/{model} is not found for API version v1beta, or is not supported for"
        " generateContent. Call ListModels to see the list of available models and their supported"
        " methods.",
    )


def no_route(received: Received) -> Wrong:
    return Wrong(404, "Requested entity was not found.")


def lists(path: str) -> bool:
    return path in ("/v1beta/models", "/v1/models")


def models(names: Sequence[str], created: int) -> bytes:
    listed = [
        {"name": f"models/{name}", "displayName": name, "inputTokenLimit": 1048576,
         "outputTokenLimit": 65536, "supportedGenerationMethods": ["generateContent"]}
        for name in names
    ]  # fmt: skip
    return orjson.dumps({"models": listed})


def misshapen(fault: Fault | None) -> Wrong | None:
    """What protobuf's JSON reader says."""
    if fault is None:
        return None
    parent = Fault(fault.path[:-1], "type").field
    last = fault.path[-1] if fault.path else ""
    match fault.kind:
        case "unknown":
            place = f" at '{parent}'" if parent else ""
            text = (
                f'Invalid JSON payload received. Unknown name "{last}"{place}: Cannot find field.'
            )
        case "missing":
            text = f"* {fault.field}: is not specified"
        case "type":
            text = f"Invalid value at '{fault.field}' ({fault.wanted})"
        case "value":
            text = f"* {fault.field}: must be {fault.wanted}"
    return Wrong(400, text, fault.field)


def read_generate(body: Json, place: Place) -> Ask | Wrong:
    return _read(body, place, GENERATE)


def read_vertex(body: Json, place: Place) -> Ask | Wrong:
    return _read(body, place, VERTEX)


def _read(body: Json, place: Place, shape: Shape) -> Ask | Wrong:
    body = normal(body)
    wrong = misshapen(shape(body, ()))
    return wrong or _wrong_turns(body["contents"], place.model) or _ask(body, place)


def _wrong_turns(contents: list[Json], model: str) -> Wrong | None:
    """A function's answers come right behind its calls, as many as there were calls."""
    called = 0
    for content in contents:
        parts = content["parts"]
        answers = sum("functionResponse" in part for part in parts)
        if (answers or called) and answers != called:
            return Wrong(
                400,
                "Please ensure that the number of function response parts is equal to the number of"
                " function call parts of the function call turn.",
            )
        called = sum("functionCall" in part for part in parts)
        if called and content.get("role") != "model":
            return Wrong(400, "Please ensure that function call turn comes from the model.")
    return _unsigned(contents, model)


def _unsigned(contents: list[Json], model: str) -> Wrong | None:
    """Since Gemini 3 the first call of each step of the current turn carries its signature."""
    asked = [at for at, one in enumerate(contents)
             if one.get("role") != "model" and text_of_parts(one)]  # fmt: skip
    for at, content in enumerate(contents):
        calls = [part for part in content["parts"] if "functionCall" in part]
        for index, part in enumerate(calls):
            signature = part.get("thoughtSignature")
            needed = model.startswith("gemini-3") and at > max(asked, default=0) and index == 0
            if needed and signature is None:
                name = part["functionCall"]["name"]
                return Wrong(
                    400,
                    "Function call is missing a thought_signature in functionCall parts. This is"
                    " required for tools to work correctly, and missing thought_signature may lead"
                    f" to degraded model performance. Additional data, function call `{name}`,"
                    f" position {at}.",
                )
            if signature is not None and not _genuine(signature):
                return Wrong(400, "Corrupted thought signature.")
    return None


def _genuine(signature: str) -> bool:
    """Google's own, or what stands in its place, as text or as its bytes."""
    plain = standard(signature)
    if opens("gemini", plain) or signature in SKIP_SIGNATURE:
        return True
    return b64decode(plain).decode(errors="replace") in SKIP_SIGNATURE


def text_of_parts(content: Json | None) -> str:
    parts = (content or {}).get("parts", ())
    return " ".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def _ask(body: Json, place: Place) -> Ask:
    contents, config = body["contents"], body.get("generationConfig") or {}
    texts = [text_of_parts(content) for content in contents]
    users = [text for one, text in zip(contents, texts, strict=True)
             if one.get("role", "user") == "user" and text]  # fmt: skip
    results = [orjson.dumps(part["functionResponse"]["response"]).decode()
               for part in contents[-1]["parts"] if "functionResponse" in part]  # fmt: skip
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    names = [function["name"] for tool in body.get("tools") or ()
             for function in tool.get("functionDeclarations") or ()]  # fmt: skip
    thinking = config.get("thinkingConfig") or {}
    return Ask(
        model=place.model,
        prompt=users[-1] if users else "",
        input_tokens=words(text_of_parts(body.get("systemInstruction")))
        + sum(words(text) for text in [*texts, *results]),
        stream=place.stream,
        max_tokens=config.get("maxOutputTokens"),
        stops=tuple(config.get("stopSequences") or ()),
        choices=config.get("candidateCount") or 1,
        tool_result=" ".join(results) if results else None,
        forced_tool=_forced(calling, names),
        thinking=bool(thinking) and thinking.get("thinkingBudget") != 0,
        shows_thought=thinking.get("includeThoughts") is True,
        schema=_schema(config),
        no_tools=calling.get("mode") == "NONE",
        images=sum(_is_image(part) for content in contents for part in content["parts"]),
        tools=tuple(names),
    )


def _is_image(part: Json) -> bool:
    held = part.get("inlineData") or part.get("fileData") or {}
    return str(held.get("mimeType", "")).startswith("image/")


def _forced(calling: Json, names: list[str]) -> str | None:
    if calling.get("mode") != "ANY" or not names:
        return None
    return str((calling.get("allowedFunctionNames") or names)[0])


def _schema(config: Json) -> Json | None:
    if config.get("responseMimeType") != "application/json":
        return None
    found = config.get("responseJsonSchema") or config.get("responseSchema") or {}
    return dict(found)


def read_embed(body: Json, place: Place) -> Ask | Wrong:
    body = normal(body)
    if wrong := misshapen(EMBED(body, ())):
        return wrong
    text = text_of_parts(body["content"])
    return Ask(place.model, text, words(text))


def read_batch(body: Json, place: Place) -> Ask | Wrong:
    body = normal(body)
    if wrong := misshapen(BATCH_EMBED(body, ())):
        return wrong
    texts = [text_of_parts(one["content"]) for one in body["requests"]]
    return Ask(place.model, texts[-1], sum(words(text) for text in texts))


def read_predict(body: Json, place: Place) -> Ask | Wrong:
    if wrong := misshapen(PREDICT(body, ())):
        return wrong
    texts = [one["content"] for one in body["instances"]]
    return Ask(place.model, texts[-1], sum(words(text) for text in texts))


def read_count(body: Json, place: Place) -> Ask | Wrong:
    body = normal(body)
    if wrong := misshapen(COUNT(body, ())):
        return wrong
    asked = body.get("generateContentRequest") or body
    texts = [text_of_parts(one) for one in asked.get("contents") or ()]
    return Ask(place.model, texts[-1], sum(words(text) for text in texts))


def scripted(status: int) -> Wrong:
    """The refusal a directive asked for, in Google's words."""
    said = {
        401: "Request had invalid authentication credentials.",
        403: "The caller does not have permission",
        429: "You exceeded your current quota, please check your plan and billing details.",
        500: "An internal error has occurred. Please retry or report.",
        503: "The model is overloaded. Please try again later.",
    }
    return Wrong(status, said.get(status, "Request contains an invalid argument."))


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {"content-type": "application/json; charset=UTF-8"}


def error(wrong: Wrong, request_id: str) -> bytes:
    """google.rpc.Status as JSON, with what its details say of this kind of refusal."""
    default = "INTERNAL" if wrong.status >= 500 else "INVALID_ARGUMENT"
    status = STATUS.get(wrong.status, default)
    body: Json = {"code": wrong.status, "message": wrong.message, "status": status}
    details: list[Json] = []
    if wrong.code:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": wrong.code, "domain": "googleapis.com"})  # fmt: skip
    if wrong.param:
        violation = {"field": wrong.param, "description": wrong.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest",
                        "fieldViolations": [violation]})  # fmt: skip
    if wrong.status == 429:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                        "retryDelay": f"{wrong.retry_after}s"})  # fmt: skip
    if details:
        body["details"] = details
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps({"error": body}, option=option)


def error_frame() -> bytes:
    """A stream that fails midway carries the status as its data."""
    wrong = Wrong(503, "The model is overloaded. Please try again later.")
    return event(orjson.loads(error(wrong, "")))


def event(data: Json) -> bytes:
    """Google ends its lines with CR LF."""
    return b"data: " + orjson.dumps(data) + b"\r\n\r\n"
