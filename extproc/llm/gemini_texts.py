"""Every text of a Gemini request, answer or chunk, and what in them is none.

Promises: each string a provider or a caller would see has a slot, in order; an unknown field is
walked, not skipped; what cannot be read is named (P3, P5). Tools, response schemas and labels are
read whole, as JSON. In a stream the pieces of one text share a `channel`, which names the candidate
and the kind; a function call comes whole. Parts: `gemini_parts.py`.

An answer's thought signatures are Google's own words about it, and not named as unread; those of a
request may come from anybody, and are.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.gemini_fields import camel, get, listed
from extproc.llm.gemini_parts import is_plain, read_content, read_parts, role_of, seals_of
from extproc.llm.leaves import (
    MACHINE_KEYS,
    OPEN_KINDS,
    Found,
    add_text,
    is_identifier,
    is_name,
    walk,
)
from extproc.llm.slots import LogprobsSlot, json_slot

_SETTINGS = frozenset(
    ("responseMimeType", "responseModalities", "mediaResolution", "serviceTier", "thinkingConfig")
)
_SCHEMAS = frozenset(("responseSchema", "responseJsonSchema"))
_RATING = MACHINE_KEYS | frozenset(("category", "probability", "severity", "blockReason"))
_WORDS: dict[str, frozenset[str]] = {
    "safetySettings": MACHINE_KEYS | {"category", "threshold", "method"},
    "toolConfig": MACHINE_KEYS | {"mode"},
    "thinkingConfig": MACHINE_KEYS | {"thinkingLevel", "thinking_level"},
    "safetyRatings": _RATING,
    "promptFeedback": _RATING,
}
"""Fields below which some keys hold one of a vendor's own words."""
_ANSWER_KEYS = frozenset(
    ("candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime")
)
_ANSWER_CHARS_MAX = 128
_PLAIN_CANDIDATE = frozenset(
    ("content", "finishReason", "index", "safetyRatings", "tokenCount", "avgLogprobs")
)
_QUOTED: dict[str, Role] = {
    "groundingMetadata": "tool", "citationMetadata": "tool", "urlContextMetadata": "tool",
    "groundingAttributions": "tool",
}  # fmt: skip
"""What a search or a page said: no model wrote it."""


def request_slots(body: Json) -> list[TextSlot]:
    return _request(body, quick=False).slots


def request_unread(body: Json) -> tuple[str, ...]:
    return tuple(_request(body, quick=True).unread)


def answer_slots(body: Json) -> list[TextSlot]:
    return _answer(body, "").slots


def answer_unread(body: Json) -> tuple[str, ...]:
    return _without_seals(_answer(body, "")) if not _is_plain_answer(body) else ()


def frame_slots(frame: Frame) -> list[TextSlot]:
    """`channel` names candidate and kind; a chunk's slots are in its order."""
    return _answer(frame.data, "candidates").slots if frame.data else []


def frame_unread(frame: Frame) -> tuple[str, ...]:
    data = frame.data
    if not data or _is_plain_answer(data):
        return ()
    return _without_seals(_answer(data, "candidates"))


def _without_seals(found: Found) -> tuple[str, ...]:
    return tuple(p for p in found.unread if not p.endswith(("thoughtSignature", "_signature")))


def _request(body: Json, *, quick: bool) -> Found:
    """`quick`: nobody asks for the texts; what is plain is not looked at."""
    found = Found()
    for key, value in body.items():
        match camel(key):
            case "contents":
                _contents(body, key, found, quick)
            case "systemInstruction":
                read_content(body, key, key, "system", found)
            case "tools" if not quick:
                _tools(body, key, found)
            case "generationConfig" if type(value) is dict:
                _config(value, key, found)
            case "cachedContent" if value:
                found.unread.append(key)  # contents that are not in the body
                walk(body, key, key, "input", found, frozenset((key,)))
            case "labels" if value:
                found.slots.append(json_slot(body, key, key, "input"))
            case "model" | "tools":
                continue
            case name:
                _setting(body, key, key, name, found)
    return found


def _contents(body: Json, key: str, found: Found, quick: bool) -> None:
    contents = body[key]
    if type(contents) is dict:
        read_content(body, key, key, role_of(contents, "user"), found)
        return
    for position, content in enumerate(contents):
        path = f"{key}[{position}]"
        if quick and is_plain(content):
            found.unread += seals_of(content, path)
        else:
            read_content(contents, position, path, role_of(content, "user"), found)


def _tools(body: Json, key: str, found: Found) -> None:
    tools = body[key]
    if type(tools) is list:
        for position in range(len(tools)):
            slot = json_slot(tools, position, f"{key}[{position}]", "tool_definition")
            found.slots.append(slot)
    elif tools is not None:
        found.slots.append(json_slot(body, key, key, "tool_definition"))


def _config(config: Json, path: str, found: Found) -> None:
    for key, value in config.items():
        where, name = f"{path}.{key}", camel(key)
        if name in _SCHEMAS and type(value) in (dict, list):
            if value:
                found.slots.append(json_slot(config, key, where, "tool_definition"))
        elif name == "speechConfig" and value:
            found.unread.append(where)  # the answer will be spoken
            walk(config, key, where, "input", found)
        else:
            _setting(config, key, where, name, found)


def _setting(holder: Json, key: str, path: str, name: str, found: Found) -> None:
    """A field that is read for its words only where it has some."""
    value = holder[key]
    if value is None or type(value) in (bool, float):
        if not is_name(key):
            walk(holder, key, path, "input", found)
    elif name not in _SETTINGS or not all(map(_is_word, listed(value))):
        walk(holder, key, path, "input", found, _WORDS.get(name, MACHINE_KEYS))


def _is_word(value: Any) -> bool:
    return type(value) is str and is_identifier(value)


def _is_plain_answer(body: Json) -> bool:
    """Whether it is of the kind that most are, which hold text and calls alone."""
    candidates = body.get("candidates")
    if type(candidates) is not list or not _ANSWER_KEYS.issuperset(body):
        return False
    for candidate in candidates:
        if type(candidate) is not dict or not _PLAIN_CANDIDATE.issuperset(candidate):
            return False
        if not is_plain(candidate.get("content", {})):
            return False
    return "promptFeedback" not in body


def _answer(body: Json, stream: str) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "candidates" and type(value) is list:
            for position, candidate in enumerate(value):
                _candidate(value, position, candidate, found, stream)
        elif (type(value) in OPEN_KINDS or not is_name(key)) and not _is_known(key, value):
            walk(body, key, key, "assistant", found, _WORDS.get(key, MACHINE_KEYS))
    return found


def _is_known(key: str, value: Any) -> bool:
    if type(value) is dict:
        return key == "usageMetadata"
    return key in _ANSWER_KEYS and type(value) is str and len(value) <= _ANSWER_CHARS_MAX


def _candidate(
    listed_in: list[Any], position: int, candidate: Any, found: Found, stream: str
) -> None:
    if type(candidate) is not dict:
        walk(listed_in, position, f"candidates[{position}]", "assistant", found)
        return
    index = candidate.get("index")
    path = f"candidates[{index if type(index) is int else position}]"
    for key, value in candidate.items():
        where, name = f"{path}.{key}", camel(key)
        if key == "content" and type(value) is dict:
            _content(value, where, found, path if stream else "")
        elif name == "finishMessage":
            add_text(candidate, key, where, "assistant", found)
        elif name == "logprobsResult":
            _logprobs(candidate, key, where, found)
        elif name == "finishReason" and _is_word(value):
            continue
        elif type(value) in OPEN_KINDS or not is_name(key):
            role = _QUOTED.get(name, "assistant")
            walk(candidate, key, where, role, found, _WORDS.get(name, MACHINE_KEYS))


def _content(content: Json, path: str, found: Found, stream: str) -> None:
    for key, value in content.items():
        if key == "parts":
            read_parts(content, f"{path}.parts", "assistant", found, stream)
        elif key != "role" or not (value is None or _is_word(value)):
            walk(content, key, f"{path}.{key}", "assistant", found)


def _logprobs(candidate: Json, key: str, path: str, found: Found) -> None:
    """The answer's text once more; likelier and less likely tokens beside it are no text."""
    result = candidate[key]
    if result is None:
        return
    tokens = _chosen(result)
    if tokens is None or set(map(camel, result)) - _LOGPROBS:
        found.unread.append(path)
    elif get(result, "topCandidates"):
        found.unread.append(f"{path}.topCandidates")
    if tokens:
        shown = "".join(tokens)
        slot = LogprobsSlot(candidate, key, path, "assistant", path, False, False, shown)
        found.slots.append(slot)


_LOGPROBS = frozenset(("chosenCandidates", "topCandidates", "logProbabilitySum"))


def _chosen(result: Any) -> list[str] | None:
    chosen = get(result, "chosenCandidates") if type(result) is dict else None
    if type(chosen) is not list:
        return None if chosen is not None or type(result) is not dict else []
    tokens = [entry.get("token") if type(entry) is dict else None for entry in chosen]
    return tokens if all(type(token) is str for token in tokens) else None  # type: ignore[return-value]
