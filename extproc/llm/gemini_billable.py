"""What Google bills of a generateContent request before the model answers.

Sources (ai.google.dev): "Count tokens" (a picture is 258 tokens a tile, sound 32 a second, video
263), "Pricing" (grounding: each search query), "Context caching" (cached content is input),
"Code execution" and "URL context" (what they bring in is input).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.billable import FILE_TOKENS, Billable
from extproc.llm.call import Json
from extproc.llm.gemini_fields import camel, get, listed, spelling, standard

SEARCHES_UNSTATED = 5
"""Searches that are reserved for: nobody can state a maximum; more are charged as reported."""
_SEARCHES = frozenset(("googleSearch", "googleSearchRetrieval", "enterpriseWebSearch"))
_READ_HERE = frozenset(
    ("contents", "systemInstruction", "tools", "generationConfig", "model", "labels",
     "safetySettings", "cachedContent", "toolConfig", "serviceTier", "store")
)  # fmt: skip
_SILENT = frozenset(("thought", "mediaResolution", "videoMetadata", "partMetadata"))


def generate_billable(body: Json) -> Billable:
    """System instruction, contents, tools, schemas, media, cached content."""
    out = Billable()
    _content(get(body, "systemInstruction"), out)
    for content in listed(body.get("contents")):
        _content(content, out)
    for tool in listed(body.get("tools")):
        _tool(tool, out)
    _config(get(body, "generationConfig"), out)
    if get(body, "cachedContent"):
        out.open_ended = True
        out.tokens += FILE_TOKENS
    for key, value in body.items():
        if camel(key) not in _READ_HERE and type(value) in (str, list, dict) and value:
            out.add_json(value)
    return out


def _content(content: Any, out: Billable) -> None:
    if type(content) is not dict:
        return
    out.parts += 1
    for part in listed(content.get("parts")):
        out.parts += 1
        if len(part) == 1 and type(part.get("text")) is str:
            out.texts.append(part["text"])
        else:
            _part(part, out)


def _part(part: Json, out: Billable) -> None:
    for key, value in part.items():
        if value is None:
            continue
        match camel(key):
            case "text":
                out.texts.append(str(value))
            case "inlineData":
                _inline(value, out)
            case "fileData":
                _file(value, out)
            case "functionResponse":
                out.add_json({k: v for k, v in value.items() if k != "parts"})
                for item in listed(value.get("parts")):
                    _part(item, out)
            case "thoughtSignature":
                out.add_opaque(value)
            case name if name not in _SILENT:
                out.add_json(value)


def _inline(blob: Any, out: Billable) -> None:
    media, data = str(get(blob, "mimeType")), blob.get("data")
    base64 = data if type(data) is str else ""
    if media.startswith("image/") and "svg" not in media:
        out.add_image(standard(base64))
    elif media.startswith("audio/"):
        out.add_audio(base64)
    else:
        out.add_file(base64)
        out.audio_input = out.audio_input or media.startswith("video/")


def _file(file: Any, out: Billable) -> None:
    out.add_file(None)
    media = str(get(file, "mimeType"))
    if media.startswith("image/"):
        out.add_image(None)
    elif media.startswith(("audio/", "video/")) or media == "None":
        out.audio_input = True


def _tool(tool: Json, out: Billable) -> None:
    key = spelling(tool, "functionDeclarations")
    declared = listed(tool.get(key))
    out.tools += len(declared)
    if declared:
        out.add_json(declared)
    for name, value in tool.items():
        if name != key and value is not None:
            out.tools += 1
            out.hosted_tools += 1
            out.open_ended = True
            out.web_searches += SEARCHES_UNSTATED if camel(name) in _SEARCHES else 0
            out.add_json(value)


def _config(config: Any, out: Billable) -> None:
    if type(config) is not dict:
        return
    for name in ("responseSchema", "responseJsonSchema"):
        schema = get(config, name)
        if schema is not None:
            out.add_json(schema)
    modalities = get(config, "responseModalities")
    out.audio_output = "AUDIO" in listed(modalities)
