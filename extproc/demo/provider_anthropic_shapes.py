"""The bodies that Anthropic's Messages API accepts (platform.claude.com/docs/en/api/messages).

Field by field as in the official SDK's request types; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from extproc.demo.provider_shape import (
    FLAG,
    OBJECT,
    TEXT,
    Fault,
    Fields,
    Need,
    Path,
    Shape,
    address,
    among,
    anything,
    either,
    fields,
    filled,
    packed,
    some,
    tagged,
    within,
)

_CACHE = fields({"type": Need(among("ephemeral")), "ttl": among("5m", "1h")})
_CACHED: Fields = {"cache_control": _CACHE}
_WEB = Need(address)
_PICTURE = tagged("type", {
    "base64": {
        "media_type": Need(among("image/jpeg", "image/png", "image/gif", "image/webp")),
        "data": Need(packed),
    },
    "url": {"url": _WEB},
    "file": {"file_id": Need(filled)},
})  # fmt: skip
_PAPER = tagged("type", {
    "base64": {"media_type": Need(among("application/pdf")), "data": Need(packed)},
    "text": {"media_type": Need(among("text/plain")), "data": Need(TEXT)},
    "content": {"content": Need(anything)},
    "url": {"url": _WEB},
    "file": {"file_id": Need(filled)},
})  # fmt: skip
_TEXT: Fields = {"text": Need(filled), "citations": some(OBJECT), **_CACHED}
_IMAGE: Fields = {"source": Need(_PICTURE), "transformations": OBJECT, **_CACHED}
_CITE = fields({"enabled": FLAG})
_DOCUMENT: Fields = {
    "source": Need(_PAPER), "title": TEXT, "context": TEXT, "citations": _CITE, **_CACHED,
}  # fmt: skip
_SEARCH: Fields = {
    "source": Need(TEXT), "title": Need(TEXT), "citations": _CITE,
    "content": Need(some(tagged("type", {"text": _TEXT}), 1)), **_CACHED,
}  # fmt: skip
_SHOWN: dict[str, Fields] = {
    "text": _TEXT, "image": _IMAGE, "document": _DOCUMENT, "search_result": _SEARCH,
}  # fmt: skip
_RESULT: Fields = {
    "tool_use_id": Need(filled),
    "content": either(TEXT, some(tagged("type", {**_SHOWN, "tool_reference": {
        "tool_name": Need(TEXT), **_CACHED}}))),
    "is_error": FLAG, "toolset_name": TEXT, **_CACHED,
}  # fmt: skip
_USE: Fields = {
    "id": Need(filled), "name": Need(filled), "input": Need(OBJECT), "caller": OBJECT,
    "toolset_name": TEXT, **_CACHED,
}  # fmt: skip
_ASSISTANT: dict[str, Fields] = {
    "text": _TEXT,
    "thinking": {"thinking": Need(TEXT), "signature": Need(TEXT)},
    "redacted_thinking": {"data": Need(TEXT)},
    "tool_use": _USE,
    "server_tool_use": {"id": Need(filled), "name": Need(TEXT), "input": Need(OBJECT),
                        "caller": OBJECT, **_CACHED},
}  # fmt: skip


def _served(value: Any, path: Path) -> Fault | None:
    """Blocks of the vendor's own tools are not read closer."""
    kind = value.get("type", "") if isinstance(value, dict) else ""
    return None if kind.endswith("_tool_result") else Fault((*path, "type"), "value", "a block")


_SYSTEM = either(TEXT, some(tagged("type", {"text": _TEXT})))
MESSAGES = some(
    tagged("role", {
        "user": {"content": Need(either(filled, some(
            tagged("type", {**_SHOWN, "tool_result": _RESULT, "container_upload": {
                "file_id": Need(TEXT), **_CACHED}}, _served), 1)))},
        "assistant": {"content": Need(either(filled, some(
            tagged("type", _ASSISTANT, _served), 1)))},
        "system": {"content": Need(_SYSTEM)},
    }),
    1,
)  # fmt: skip
_CUSTOM = fields({
    "type": among("custom"),
    "name": Need(filled),
    "description": TEXT,
    "input_schema": Need(OBJECT),
    "strict": FLAG,
    "defer_loading": FLAG,
    "eager_input_streaming": FLAG,
    "input_examples": some(OBJECT),
    "allowed_callers": some(TEXT),
    **_CACHED,
})  # fmt: skip


def _tool(value: Any, path: Path) -> Fault | None:
    """The caller's own tools; the vendor's are not read closer."""
    own = not isinstance(value, dict) or value.get("type", "custom") in ("custom", None)
    return _CUSTOM(value, path) if own else None


_SINGLE: Fields = {"disable_parallel_tool_use": FLAG}
_CHOICE = tagged(
    "type", {"auto": _SINGLE, "any": _SINGLE, "tool": {"name": Need(filled), **_SINGLE}, "none": {}}
)
_DISPLAY: Fields = {"display": among("summarized", "omitted")}
_THINKING = tagged("type", {
    "enabled": {"budget_tokens": Need(within(1024, 10**6, whole=True)), **_DISPLAY},
    "disabled": {}, "between_tools": {}, "adaptive": _DISPLAY,
})  # fmt: skip
_OUTPUT = fields({
    "effort": among("low", "medium", "high", "xhigh", "max"),
    "format": tagged("type", {"json_schema": {"schema": Need(OBJECT)}}),
})  # fmt: skip
_WHOLE: Shape = within(1, 10**9, whole=True)

SAMPLING: Fields = {
    "temperature": within(0, 1), "top_k": within(0, 10**6, whole=True), "top_p": within(0, 1),
}  # fmt: skip
MESSAGE_FIELDS: Fields = {
    "model": Need(filled),
    "messages": Need(MESSAGES),
    "max_tokens": _WHOLE,
    "cache_control": _CACHE,
    "container": anything,
    "diagnostics": OBJECT,
    "inference_geo": TEXT,
    "metadata": fields({"user_id": TEXT}),
    "output_config": _OUTPUT,
    "service_tier": among("auto", "standard_only"),
    "speed": TEXT,
    "stop_sequences": some(filled),
    "stream": FLAG,
    "system": _SYSTEM,
    "thinking": _THINKING,
    "tool_choice": _CHOICE,
    "tools": some(_tool),
    "user_profile_id": TEXT,
    "workspace_id": TEXT,
}
OLD = fields({**MESSAGE_FIELDS, **SAMPLING})
NEW = fields(MESSAGE_FIELDS)
