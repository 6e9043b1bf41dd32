"""The bodies that Gemini's API accepts (ai.google.dev/api/generate-content, "Content", "Part").

Google reads protobuf's JSON: lowerCamelCase and snake_case alike (`normal`), `oneof` for what a
part holds, and it refuses names it does not know. Field by field as in the official SDK's types.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.demo.provider_shape import (
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    Fault,
    Fields,
    Need,
    Path,
    among,
    anything,
    fields,
    filled,
    one_of,
    packed,
    some,
    within,
)

_SNAKE = re.compile(r"_([a-z])")
_FREE = frozenset({
    "args", "response", "properties", "parameters_json_schema", "response_json_schema",
    "parametersJsonSchema", "responseJsonSchema",
})  # fmt: skip


def normal(value: Any) -> Any:
    """The body with every field's name in lowerCamelCase; the caller's own JSON stays as it is."""
    if isinstance(value, list):
        return [normal(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        _SNAKE.sub(lambda m: m[1].upper(), name): one if name in _FREE else normal(one)
        for name, one in value.items()
    }


_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED")
_SCHEMA_FIELDS = frozenset(
    [
        "anyOf",
        "default",
        "description",
        "enum",
        "example",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "propertyOrdering",
        "required",
        "title",
        "type",
    ]
)


def schema(value: Any, path: Path) -> Fault | None:
    """Google's `Schema`: a part of OpenAPI 3.0; `$ref`, `additionalProperties`, lists of types are
    unknown to it (use `...JsonSchema` for these)."""
    if not isinstance(value, dict):
        return Fault(path, "type", "an object")
    for name in value:
        if name not in _SCHEMA_FIELDS:
            return Fault((*path, name), "unknown")
    kind = value.get("type", "OBJECT")
    if not isinstance(kind, str) or kind.upper() not in _TYPES:
        return Fault((*path, "type"), "value", ", ".join(_TYPES))
    below = [((*path, "properties", n), one) for n, one in value.get("properties", {}).items()]
    below += [((*path, "anyOf", at), one) for at, one in enumerate(value.get("anyOf", ()))]
    below += [((*path, "items"), value["items"])] if "items" in value else []
    return next((fault for at, one in below if (fault := schema(one, at))), None)


def standard(value: str) -> str:
    """Protobuf's JSON reads both alphabets of base64, padded or not; this is the usual one."""
    plain = value.translate(str.maketrans("-_", "+/")).rstrip("=")
    return plain + "=" * (-len(plain) % 4)


def _bytes(value: Any, path: Path) -> Fault | None:
    return packed(standard(value) if isinstance(value, str) else value, path)


_BLOB = fields({"mimeType": Need(filled), "data": Need(_bytes), "displayName": TEXT})
_FILE = fields({"mimeType": TEXT, "fileUri": Need(filled), "displayName": TEXT})
_PART = one_of(
    {
        "text": TEXT,
        "inlineData": _BLOB,
        "fileData": _FILE,
        "functionCall": fields({"id": TEXT, "name": Need(filled), "args": OBJECT}),
        "functionResponse": fields({
            "id": TEXT, "name": Need(filled), "response": Need(OBJECT), "scheduling": TEXT,
            "willContinue": FLAG, "parts": some(OBJECT)}),
        "executableCode": OBJECT,
        "codeExecutionResult": OBJECT,
        "toolCall": OBJECT,
        "toolResponse": OBJECT,
    },
    {
        "thought": FLAG, "thoughtSignature": _bytes, "videoMetadata": OBJECT,
        "mediaResolution": OBJECT, "partMetadata": OBJECT, "mediaProcessing": OBJECT,
    },
)  # fmt: skip
CONTENT = fields({"role": among("user", "model", "function"), "parts": Need(some(_PART, 1))})
_SYSTEM = fields({"role": TEXT, "parts": Need(some(_PART, 1))})
_FUNCTION = fields({
    "name": Need(filled), "description": TEXT, "parameters": schema,
    "parametersJsonSchema": anything, "response": schema, "responseJsonSchema": anything,
    "behavior": TEXT,
})  # fmt: skip
_TOOL = fields({
    "functionDeclarations": some(_FUNCTION), "googleSearch": OBJECT, "codeExecution": OBJECT,
    "urlContext": OBJECT, "googleSearchRetrieval": OBJECT, "computerUse": OBJECT,
    "fileSearch": OBJECT, "googleMaps": OBJECT, "retrieval": OBJECT, "enterpriseWebSearch": OBJECT,
    "mcpServers": some(OBJECT),
})  # fmt: skip
_CALLING = fields({
    "mode": among("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"),
    "allowedFunctionNames": some(TEXT), "streamFunctionCallArguments": FLAG,
})  # fmt: skip
_THINKING = fields({
    "includeThoughts": FLAG, "thinkingBudget": within(-1, 10**6, whole=True),
    "thinkingLevel": among("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH",
                           "minimal", "low", "medium", "high"),
})  # fmt: skip
GENERATION_FIELDS: Fields = {
    "stopSequences": some(TEXT, 0, 5),
    "responseMimeType": TEXT,
    "responseSchema": schema,
    "responseJsonSchema": anything,
    "responseModalities": some(TEXT),
    "responseFormat": anything,
    "candidateCount": within(1, 8, whole=True),
    "maxOutputTokens": within(1, 10**9, whole=True),
    "temperature": within(0, 2),
    "topP": within(0, 1),
    "topK": NUMBER,
    "seed": WHOLE,
    "presencePenalty": within(-2, 2),
    "frequencyPenalty": within(-2, 2),
    "responseLogprobs": FLAG,
    "logprobs": within(0, 20, whole=True),
    "enableEnhancedCivicAnswers": FLAG,
    "speechConfig": OBJECT,
    "thinkingConfig": _THINKING,
    "imageConfig": OBJECT,
    "mediaResolution": TEXT,
    "audioTimestamp": FLAG,
    "routingConfig": OBJECT,
    "modelSelectionConfig": OBJECT,
    "modelConfig": OBJECT,
    "enableAffectiveDialog": FLAG,
    "translationConfig": OBJECT,
    "audioTranscriptionConfig": OBJECT,
}
_BODY: Fields = {
    "contents": Need(some(CONTENT, 1)),
    "systemInstruction": _SYSTEM,
    "tools": some(_TOOL),
    "toolConfig": fields({"functionCallingConfig": _CALLING, "retrievalConfig": OBJECT,
                          "includeServerSideToolInvocations": FLAG}),
    "safetySettings": some(fields({"category": Need(TEXT), "threshold": Need(TEXT),
                                   "method": TEXT})),
    "generationConfig": fields(GENERATION_FIELDS),
    "cachedContent": TEXT,
    "serviceTier": TEXT,
}  # fmt: skip
GENERATE = fields({**_BODY, "model": TEXT, "store": FLAG})
VERTEX = fields({**_BODY, "labels": OBJECT, "modelArmorConfig": OBJECT})
_EMBED: Fields = {
    "content": Need(fields({"role": TEXT, "parts": Need(some(_PART, 1))})),
    "model": TEXT, "taskType": TEXT, "title": TEXT, "embedContentConfig": OBJECT,
    "outputDimensionality": within(1, 4096, whole=True), "autoTruncate": FLAG,
}  # fmt: skip
EMBED = fields(_EMBED)
BATCH_EMBED = fields({"requests": Need(some(fields({**_EMBED, "model": Need(filled)}), 1, 100))})
COUNT = fields({
    "contents": some(CONTENT, 1), "generateContentRequest": GENERATE, "systemInstruction": _SYSTEM,
    "tools": some(_TOOL), "generationConfig": OBJECT,
})  # fmt: skip
PREDICT = fields({
    "instances": Need(some(fields({"content": Need(filled), "task_type": TEXT, "title": TEXT,
                                   "taskType": TEXT}), 1, 250)),
    "parameters": fields({"autoTruncate": FLAG, "outputDimensionality": WHOLE}),
})  # fmt: skip
