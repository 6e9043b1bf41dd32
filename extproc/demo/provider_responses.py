"""OpenAI's Responses API as the provider stand-in reads it
(platform.openai.com/docs/api-reference/responses/create).

Promises: refuses what the API refuses: unknown fields and items, a tool's output without its call,
strict schemas that are not strict, and sealed reasoning of another vendor's model. Keeps nothing:
`previous_response_id` is unknown to it, as to an organisation that stores no data. Pure.
"""

from __future__ import annotations

from typing import Any

from extproc.demo.provider_openai import misshapen, part_count, unreadable
from extproc.demo.provider_openai_shapes import DETAIL, EFFORT, VERBOSITY
from extproc.demo.provider_place import Place
from extproc.demo.provider_reply import Ask, Wrong, words
from extproc.demo.provider_schema import loose_object
from extproc.demo.provider_seal import opens
from extproc.demo.provider_shape import (
    FLAG,
    OBJECT,
    TEXT,
    Fault,
    Fields,
    Need,
    Path,
    address,
    among,
    anything,
    either,
    fields,
    filled,
    some,
    tagged,
    within,
)

Json = dict[str, Any]
_BREAK: Fields = {"prompt_cache_breakpoint": OBJECT}
_INPUT: dict[str, Fields] = {
    "input_text": {"text": Need(TEXT), **_BREAK},
    "input_image": {"image_url": address, "file_id": TEXT, "detail": DETAIL, **_BREAK},
    "input_file": {"file_data": TEXT, "file_id": TEXT, "file_url": TEXT, "filename": TEXT,
                   "detail": TEXT, **_BREAK},
}  # fmt: skip
_OUTPUT: dict[str, Fields] = {
    "output_text": {"text": Need(TEXT), "annotations": some(OBJECT), "logprobs": anything},
    "refusal": {"refusal": Need(TEXT)},
}
_STATUS = among("in_progress", "completed", "incomplete")
_PHASE = among("commentary", "final_answer")
_MESSAGE = fields({
    "type": among("message"), "id": TEXT, "status": _STATUS, "phase": _PHASE,
    "role": Need(among("user", "assistant", "system", "developer")),
    "content": Need(either(TEXT, some(tagged("type", {**_INPUT, **_OUTPUT})))),
})  # fmt: skip
_CALL: Fields = {"id": TEXT, "call_id": Need(filled), "status": _STATUS, "namespace": TEXT,
                 "caller": OBJECT}  # fmt: skip
_PARTS = either(TEXT, some(tagged("type", _INPUT)))
_ITEMS = tagged("type", {
    "function_call": {"name": Need(filled), "arguments": Need(TEXT), **_CALL},
    "function_call_output": {"output": Need(_PARTS), **_CALL},
    "custom_tool_call": {"name": Need(filled), "input": Need(TEXT), **_CALL},
    "custom_tool_call_output": {"output": Need(_PARTS), **_CALL},
    "reasoning": {
        "id": TEXT, "status": _STATUS, "encrypted_content": TEXT,
        "summary": Need(some(tagged("type", {"summary_text": {"text": Need(TEXT)}}))),
        "content": some(tagged("type", {"reasoning_text": {"text": Need(TEXT)}})),
    },
    "item_reference": {"id": Need(TEXT)},
})  # fmt: skip


def _item(value: Any, path: Path) -> Fault | None:
    """A message may leave its type out; items of hosted tools are not read closer."""
    kind = value.get("type") if isinstance(value, dict) else ""
    if kind in (None, "message"):
        return _MESSAGE(value, path)
    hosted = isinstance(kind, str) and kind.endswith(("_call", "_call_output", "_list_tools"))
    return None if hosted and not kind.startswith(("function", "custom")) else _ITEMS(value, path)


_FUNCTION: Fields = {
    "name": Need(filled), "description": TEXT, "parameters": OBJECT, "strict": FLAG,
    "defer_loading": FLAG, "allowed_callers": some(TEXT), "output_schema": OBJECT, "async": FLAG,
}  # fmt: skip
_CUSTOM: Fields = {"name": Need(filled), "description": TEXT, "format": OBJECT}
_TOOL = tagged("type", {"function": _FUNCTION, "custom": _CUSTOM}, anything)
_CHOICE = either(
    among("none", "auto", "required"),
    tagged("type", {
        "function": {"name": Need(TEXT)}, "custom": {"name": Need(TEXT)},
        "allowed_tools": {"mode": Need(among("auto", "required")), "tools": Need(some(OBJECT))},
    }, anything),
)  # fmt: skip
_FORMAT = tagged("type", {
    "text": {}, "json_object": {},
    "json_schema": {"name": Need(filled), "schema": Need(OBJECT), "description": TEXT,
                    "strict": FLAG},
})  # fmt: skip
RESPONSE_FIELDS: Fields = {
    "model": Need(filled),
    "access_programs": OBJECT,
    "background": FLAG,
    "context_management": some(OBJECT),
    "conversation": anything,
    "image": OBJECT,
    "include": some(TEXT),
    "input": either(TEXT, some(_item, 1)),
    "instructions": TEXT,
    "max_output_tokens": within(16, 10**9, whole=True),
    "max_tool_calls": within(1, 10**6, whole=True),
    "metadata": OBJECT,
    "moderation": OBJECT,
    "multi_agent": OBJECT,
    "parallel_tool_calls": FLAG,
    "previous_response_id": TEXT,
    "prompt": OBJECT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": OBJECT,
    "prompt_cache_retention": among("in_memory", "in-memory", "24h"),
    "reasoning": fields({"effort": EFFORT, "summary": among("auto", "concise", "detailed"),
                         "generate_summary": TEXT, "context": TEXT, "mode": TEXT}),
    "safety_identifier": TEXT,
    "service_tier": among("auto", "default", "flex", "scale", "priority", "fast"),
    "store": FLAG,
    "stream": FLAG,
    "stream_options": fields({"include_obfuscation": FLAG}),
    "temperature": within(0, 2),
    "text": fields({"format": _FORMAT, "verbosity": VERBOSITY}),
    "tool_choice": _CHOICE,
    "tools": some(_TOOL, 0, 128),
    "top_logprobs": within(0, 20, whole=True),
    "top_p": within(0, 1),
    "truncation": among("auto", "disabled"),
    "user": TEXT,
}  # fmt: skip
SHAPE = fields(RESPONSE_FIELDS)


def read(body: Any, place: Place) -> Ask | Wrong:
    wrong = unreadable(body, frozenset(RESPONSE_FIELDS), "input") or misshapen(SHAPE(body, ()))
    if wrong:
        return wrong
    if body.get("previous_response_id"):
        message = f"Previous response with id '{body['previous_response_id']}' not found."
        name = "previous_response_id"
        return Wrong(400, message, name, "previous_response_not_found")
    items = _items(body["input"])
    return _wrong_items(items) or _wrong_schemas(body) or _ask(body, items)


def _items(value: Any) -> list[Json]:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _wrong_items(items: list[Json]) -> Wrong | None:
    called = {item["call_id"] for item in items if item.get("type") == "function_call"}
    answered = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    if lost := answered - called:
        message = f"No tool call found for function call output with call_id {min(lost)}."
        return Wrong(400, message, "input")
    if lost := called - answered:
        return Wrong(400, f"No tool output found for function call {min(lost)}.", "input")
    for item in items:
        sealed = item.get("encrypted_content") if item.get("type") == "reasoning" else None
        if sealed and not opens("openai", sealed):
            message = "The encrypted content could not be verified. Reason: could not be parsed."
            return Wrong(400, message, None, "invalid_encrypted_content")
    return None


def _wrong_schemas(body: Json) -> Wrong | None:
    """Strict is what a function is here unless it says otherwise ("Function calling", strict)."""
    form = (body.get("text") or {}).get("format") or {}
    if form.get("strict") and (where := loose_object(form["schema"], True)):
        return _not_strict(f"response_format '{form['name']}'", where, "text.format.schema")
    for at, tool in enumerate(body.get("tools") or ()):
        if tool["type"] == "function" and tool.get("strict"):
            where = loose_object(tool.get("parameters") or {}, True) or ""
            if where:
                return _not_strict(f"function '{tool['name']}'", where, f"tools[{at}].parameters")
    return None


def _not_strict(what: str, where: str, param: str) -> Wrong:
    message = (
        f"Invalid schema for {what}: In context=({where}), 'additionalProperties' is required to be"
        " supplied and to be false, and 'required' to include every key in properties."
    )
    return Wrong(400, message, param, "invalid_json_schema")


def text_of_item(item: Json) -> str:
    content = item.get("content", item.get("output", ""))
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or () if "text" in part)


def _ask(body: Json, items: list[Json]) -> Ask:
    texts = [text_of_item(item) for item in items]
    users = [text for item, text in zip(items, texts, strict=True) if item.get("role") == "user"]
    last = items[-1]
    reasoning = body.get("reasoning") or {}
    form = (body.get("text") or {}).get("format") or {}
    choice = body.get("tool_choice")
    sent = words(body.get("instructions") or "") + sum(words(text) for text in texts)
    return Ask(
        model=body["model"],
        prompt=users[-1] if users else "",
        input_tokens=sent,
        stream=body.get("stream") is True,
        obfuscate=(body.get("stream_options") or {}).get("include_obfuscation") is not False,
        max_tokens=body.get("max_output_tokens"),
        tool_result=texts[-1] if last.get("type") == "function_call_output" else None,
        forced_tool=_forced(choice, body.get("tools") or []),
        thinking=reasoning.get("effort") not in (None, "none"),
        shows_thought=bool(reasoning.get("summary")),
        schema={"json_schema": form.get("schema"), "json_object": {}}.get(form.get("type", "")),
        one_tool=body.get("parallel_tool_calls") is False,
        no_tools=choice == "none",
        images=sum(part_count(item.get("content"), "input_image") for item in items),
        tools=tuple(tool["name"] for tool in body.get("tools") or () if "name" in tool),
    )


def _forced(choice: Any, tools: list[Json]) -> str | None:
    match choice:
        case {"type": "function", "name": str(name)}:
            return name
        case "required" if tools:
            return str(tools[0]["name"])
    return None
