"""Finds every text inside a part of a body whose shape is open, and names what is none.

Used for parts and fields no dialect file knows by name, so that text cannot hide from the
guardrails in an unknown field (P3, P5). Trees come from `strict_json.parse` or from a stream frame
of bounded depth, hence the recursion is bounded.

Every string ends in one of four ways: a slot; a slot over what it decodes to (text files); a path
under `unread` (other payloads, references, what is encrypted); nothing, for an identifier that
looks like one. Keys that are no plain names, and integers as long as a card number may be, become
one fixed slot of their object, `<path>{}`. What authors shape (tool inputs, schemas) is not walked
but read whole, keys and all: `slots.json_slot`.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.llm import encoded_text
from extproc.llm.call import Role, TextSlot
from extproc.llm.slots import EncodedSlot, fixed_slot

SEALS = frozenset(("signature", "thought_signature", "encrypted_index"))
"""A vendor's proof of its own words. Not text, and nothing that only it can read."""

MACHINE_KEYS = SEALS | frozenset(
    ("type", "id", "index", "tool_use_id", "tool_call_id", "media_type", "mime_type", "mimeType",
     "expires_at", "created", "created_at", "detail", "format", "object", "finish_reason", "status",
     "ttl")
)  # fmt: skip
"""Identifiers: rewriting one would break the message, reading one tells nothing, as long as it
looks like one. What does not is read, and cannot be replaced."""

ENCRYPTED_KEYS = frozenset(("encrypted_content",))
REFERENCE_KEYS = frozenset(("file_id", "file_uri", "fileUri", "container_id", "vector_store_id"))
"""They name content that is not in the body."""

OPEN_KINDS = frozenset((str, list, dict))
"""Values that can hold text. A number can in a field nobody knows; `walk` sees those too."""

_PAYLOAD_KEYS = frozenset(("data", "file_data", "b64_json", "blob"))
_SIBLINGS = ("media_type", "mime_type", "mimeType")
_NAMES = ("filename", "file_name")
_LONG_CHARS = 256
"""A single word of this length that is made of base64 letters is a payload under any key."""
_LONG_INTEGER = 10_000_000
_NAME_CHARS_MAX = 32
_IDENTIFIER_CHARS_MAX = 80
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/+=-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\r\n-]*")


class Found:
    """What a walk has seen: `slots` in order, `unread` JSON paths."""

    __slots__ = ("slots", "unread")

    def __init__(self) -> None:
        self.slots: list[TextSlot] = []
        self.unread: list[str] = []

    def aside(self) -> Found:
        """The same slots, but paths on a list of their own: one part is named once."""
        other = Found()
        other.slots = self.slots
        return other


def add_leaves(
    holder: Any,
    key: Any,
    path: str,
    role: Role,
    out: list[TextSlot],
    skip: frozenset[str] = frozenset(),
) -> None:
    """Append the slots of `walk` alone."""
    found = Found()
    found.slots = out
    walk(holder, key, path, role, found, skip)


def walk(
    holder: Any,
    key: Any,
    path: str,
    role: Role,
    found: Found,
    skip: frozenset[str] = MACHINE_KEYS,
) -> None:
    """See all of `holder[key]`. Keys in `skip` are identifiers where they look like one."""
    odd: list[str] = [] if type(key) is int or is_name(key) else [key]
    _walk(holder, key, path, role, found, skip, odd)
    if odd:
        found.slots.append(fixed_slot("\n".join(odd), path + "{}", role))


def add_text(holder: Any, key: Any, path: str, role: Role, found: Found) -> None:
    """A field that is a string in every known body; anything else in it is walked."""
    value = holder[key]
    if type(value) is not str:
        walk(holder, key, path, role, found)
    elif value:
        found.slots.append(TextSlot(holder, key, path, role, path))


def is_identifier(value: str) -> bool:
    """Whether it looks like one; the first test is the fast one for most."""
    if len(value) > _IDENTIFIER_CHARS_MAX:
        return False
    return (value.isidentifier() and value.isascii()) or _IDENTIFIER.fullmatch(value) is not None


def is_name(key: str) -> bool:
    """Whether a key is as plain as those of a vendor; others can hold sentences."""
    return len(key) <= _NAME_CHARS_MAX and key.isidentifier() and key.isascii()


def _walk(
    holder: Any,
    key: Any,
    path: str,
    role: Role,
    found: Found,
    skip: frozenset[str],
    odd: list[str],
) -> None:
    value = holder[key]
    kind = type(value)
    if kind is str:
        _string(holder, key, value, path, role, found, skip)
    elif kind is dict:
        for name in value:
            if not is_name(name):
                odd.append(name)
            _walk(value, name, f"{path}.{name}", role, found, skip, odd)
    elif kind is list:
        for position in range(len(value)):
            _walk(value, position, f"{path}[{position}]", role, found, skip, odd)
    elif _is_long(value) and key not in skip:
        odd.append(str(int(value)))


def _is_long(value: Any) -> bool:
    kind = type(value)
    return (kind is int or (kind is float and value.is_integer())) and abs(value) >= _LONG_INTEGER


def _string(
    holder: Any, key: Any, value: str, path: str, role: Role, found: Found, skip: frozenset[str]
) -> None:
    if not value:
        return
    if key in skip:
        if not (is_identifier(value) or (key in SEALS and _BASE64.fullmatch(value))):
            found.slots.append(TextSlot(holder, key, path, role, path, False, True))
    elif key in ENCRYPTED_KEYS or key in REFERENCE_KEYS:
        found.unread.append(path)
        if not (_BASE64.fullmatch(value) or is_identifier(value)):
            found.slots.append(TextSlot(holder, key, path, role, path, False, True))
    elif _may_be_payload(key, value):
        _payload(holder, key, value, path, role, found)
    else:
        found.slots.append(TextSlot(holder, key, path, role, path))


def _may_be_payload(key: Any, value: str) -> bool:
    if key in _PAYLOAD_KEYS:
        return True
    if value[0] in "dD" and encoded_text.is_data_url(value):
        return True
    return len(value) >= _LONG_CHARS and " " not in value[:80] and bool(_BASE64.fullmatch(value))


def _payload(holder: Any, key: Any, value: str, path: str, role: Role, found: Found) -> None:
    """Text in base64 is read, words are words, anything else is named."""
    media, file_name = _declared(holder)
    says_text = key == "data" and type(holder) is dict and holder.get("type") == "text"
    encoded = None if says_text else encoded_text.read(value, media, file_name)
    if encoded is not None:
        slot = EncodedSlot(holder, key, path, role, path, encoded.json, False, encoded)
        found.slots.append(slot)
        return
    is_url = encoded_text.is_data_url(value) and "," in value[:_LONG_CHARS]
    opaque = not says_text and _looks_opaque(value.partition(",")[2] if is_url else value)
    declared = is_url or media or file_name or key == "file_data"
    if opaque or (declared and not says_text):
        found.unread.append(path)
    if not opaque:
        found.slots.append(TextSlot(holder, key, path, role, path))


def _looks_opaque(value: str) -> bool:
    """Its beginning will do: it is named as unread, whatever follows."""
    return _BASE64.fullmatch(value[:_LONG_CHARS]) is not None


def _declared(holder: Any) -> tuple[str, str]:
    """The media type and the file name that stand beside a payload."""
    if type(holder) is not dict:
        return "", ""
    media = next((holder[k] for k in _SIBLINGS if type(holder.get(k)) is str), "")
    return media, next((holder[k] for k in _NAMES if type(holder.get(k)) is str), "")
