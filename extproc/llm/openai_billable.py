"""What OpenAI bills of a chat request, or of an embeddings request, before the model answers.

Sources (platform.openai.com): "Function calling" and "Structured outputs" (definitions and schemas
are input), "Predicted Outputs" (what was predicted wrongly is billed as output), "Images and
vision", "Audio", "File inputs".
"""

from __future__ import annotations

from typing import Any

from extproc.llm.billable import Billable, payload
from extproc.llm.call import Json

_NOT_BILLED = frozenset(
    ("model", "messages", "stream", "stream_options", "n", "stop", "seed", "user", "metadata",
     "store", "service_tier", "reasoning_effort", "verbosity", "modalities", "logprobs",
     "top_logprobs", "logit_bias", "safety_identifier", "prompt_cache_key", "audio", "prediction",
     "prompt_cache_retention", "temperature", "top_p", "max_tokens", "max_completion_tokens",
     "presence_penalty", "frequency_penalty", "parallel_tool_calls")
)  # fmt: skip
_WRAPPED = frozenset(("role", "tool_call_id", "content", "tool_calls", "audio"))


def chat_billable(body: Json) -> Billable:
    """Messages, tool definitions, schemas, predictions, media."""
    out = Billable()
    for message in body["messages"]:
        _message(message, out)
    for key, value in body.items():
        if key not in _NOT_BILLED and value is not None:
            _other(key, value, out)
    prediction = body.get("prediction")
    if type(prediction) is dict:
        out.predicted += _texts(prediction.get("content"))
    out.audio_output = _may_speak(body)
    return out


def _may_speak(body: Json) -> bool:
    modalities = body.get("modalities")
    return bool(body.get("audio")) or (modalities is not None and modalities != ["text"])


def embeddings_billable(body: Json) -> Billable:
    """Texts, or token arrays: as many tokens as there are numbers."""
    given = body.get("input")
    rows = given if type(given) is list else [given]
    out = Billable(parts=len(rows))
    for row in rows:
        if type(row) is str:
            out.texts.append(row)
        else:
            out.tokens += len(row) if type(row) is list else 1
    return out


def _message(message: Json, out: Billable) -> None:
    out.parts += 1
    content = message.get("content")
    if type(content) is str:
        out.texts.append(content)
        if len(message) == 2:  # role and content: most messages
            return
    elif type(content) is list:
        for part in content:
            _part(part, out)
    for call in message.get("tool_calls") or ():
        out.parts += 2
        kind = call.get("function") or call.get("custom") or call
        out.texts += [str(kind.get("name", "")), str(kind.get("arguments", kind.get("input", "")))]
    if message.get("audio"):
        out.add_audio(None)
    for key, value in message.items():
        if key in _WRAPPED or value is None:
            continue
        out.parts += 1
        if type(value) is str:
            out.texts.append(value)
        else:
            out.add_json(value)


def _part(part: Any, out: Billable) -> None:
    out.parts += 1
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            out.texts.append(text)
        case {"type": "image_url", "image_url": dict(image)}:
            out.add_image(payload(image.get("url"), "image"), low=image.get("detail") == "low")
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            out.add_audio(data)
        case {"type": "file", "file": dict(file)}:
            inline = file.get("file_data")
            out.add_file(payload(inline) or (inline if type(inline) is str else None))
            out.texts.append(str(file.get("filename", "")))
        case _:
            out.add_unknown(part)


def _other(key: str, value: Any, out: Billable) -> None:
    """Tool definitions, schemas, and whatever else of the body is no plain setting."""
    match value:
        case list() if key in ("tools", "functions"):
            out.tools += len(value)
            hosted = sum(tool.get("type") not in ("function", "custom") for tool in value)
            out.hosted_tools += hosted if key == "tools" else 0
            out.open_ended = out.open_ended or bool(out.hosted_tools)
        case dict() if key == "web_search_options":
            out.web_searches += 1
            out.open_ended = True
        case bool() | int() | float():
            return
    out.add_json(value)


def _texts(content: Any) -> list[str]:
    if type(content) is str:
        return [content]
    parts = content if type(content) is list else ()
    return [part["text"] for part in parts if type(part) is dict and type(part.get("text")) is str]
