"""What OpenAI bills of a Responses request before the model answers.

Sources (platform.openai.com): "Responses" (instructions, items, tools and schemas are input),
"Conversation state" (an earlier response named by its id is billed again as input), "Web search",
"File search" (what they find is input), "Reasoning" (encrypted reasoning is input again).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.billable import FILE_TOKENS, PAGE_TOKENS, SPOKEN_TOKENS, Billable, payload
from extproc.llm.call import Json

SEARCHES_UNSTATED = 5
"""Searches that are reserved for where `max_tool_calls` does not say."""
SEARCHES_MAX = 50
_SETTINGS = frozenset(
    ("type", "id", "call_id", "status", "role", "phase", "caller", "annotations", "logprobs",
     "prompt_cache_breakpoint")
)  # fmt: skip
_OWN = ("function", "custom")


def responses_billable(body: Json) -> Billable:
    out = Billable()
    for key in ("instructions", "input"):
        given = body.get(key)
        if type(given) is str:
            out.parts += 1
            out.texts.append(given)
        for item in given if type(given) is list else ():
            _item(item, out)
    for tool in body.get("tools") or ():
        _tool(tool, out)
    _searches(body, out)
    text = body.get("text")
    if type(text) is dict and text.get("format"):
        out.add_json(text["format"])
    _kept(body, out)
    return out


def _kept(body: Json, out: Billable) -> None:
    """What the provider adds of its own store: as long as its context may be."""
    if body.get("previous_response_id") or body.get("conversation"):
        out.open_ended = True
        out.tokens += FILE_TOKENS
    prompt = body.get("prompt")
    if prompt:
        out.open_ended = True
        out.tokens += PAGE_TOKENS
        out.add_json(prompt)


def _item(item: Any, out: Billable) -> None:
    out.parts += 1
    if type(item) is not dict:
        out.add_unknown(item)
        return
    kind = item.get("type", "message" if "role" in item else "item_reference")
    if kind == "item_reference":
        out.open_ended = True
        out.tokens += SPOKEN_TOKENS
        return
    if kind in ("function_call", "custom_tool_call"):
        out.parts += 1
    for key, value in item.items():
        if key not in _SETTINGS and value:
            _field(key, value, out)


def _field(key: str, value: Any, out: Billable) -> None:
    if key in ("encrypted_content", "fingerprint"):
        out.add_opaque(value)
    elif key == "result" and type(value) is str and len(value) > 1024:
        out.add_image(value)
    elif key in ("content", "summary", "output") and type(value) is list:
        for part in value:
            _part(part, out)
    elif key == "output" and type(value) is dict:
        _part(value, out)
    elif type(value) is str:
        out.texts.append(value)
    else:
        out.add_json(value)


def _part(part: Any, out: Billable) -> None:
    out.parts += 1
    match part:
        case {"text": str(text)} | {"refusal": str(text)}:
            out.texts.append(text)
        case {"type": "input_image" | "computer_screenshot"}:
            low = part.get("detail") == "low"
            out.add_image(payload(part.get("image_url"), "image"), low=low)
        case {"type": "input_file"}:
            inline = part.get("file_data")
            out.add_file(payload(inline) or (inline if type(inline) is str else None))
            out.texts.append(str(part.get("filename", "")))
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            out.add_audio(data)
        case {"stdout": str(said), "stderr": str(wrong)}:
            out.texts += [said, wrong]
        case _:
            out.add_unknown(part)


def _tool(tool: Json, out: Billable) -> None:
    out.tools += 1
    out.add_json(tool)
    if tool.get("type") not in _OWN:
        out.hosted_tools += 1
        out.open_ended = True


def _searches(body: Json, out: Billable) -> None:
    kinds = [str(tool.get("type", "")) for tool in body.get("tools") or ()]
    if any(kind.startswith("web_search") for kind in kinds):
        most = body.get("max_tool_calls")
        stated = most if type(most) is int and most >= 0 else SEARCHES_UNSTATED
        out.web_searches += min(stated, SEARCHES_MAX)
