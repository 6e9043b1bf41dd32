"""Other vendors' seals in a reasoning item's `encrypted_content`, and back.

A caller of the Responses keeps that field and sends it again. What another vendor sealed is put
there as base64 of `{"family": ..., "value": ...}`; `call_id` names the tool call that the seal
stands on, `hidden` a thought without text. What is not of that form is OpenAI's own.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, get_args

import orjson

from extproc.llm.call import Family
from extproc.llm.translate.conversation import Seal

_FAMILIES = frozenset(get_args(Family))
_HEAD = base64.b64encode(b'{"family":"').decode()[:12]
"""What every packed seal begins with: most of OpenAI's own are told apart by it alone."""


@dataclass(frozen=True, slots=True)
class Packed:
    """`call_id` '': the seal stands on the thought itself."""

    seal: Seal
    call_id: str = ""


def pack(seal: Seal, call_id: str = "") -> str:
    """OpenAI's own goes as it is."""
    if seal.family == "openai":
        return seal.value
    told = {"family": seal.family, "value": seal.value}
    if call_id:
        told["call_id"] = call_id
    return base64.b64encode(orjson.dumps(told)).decode()


def unpack(sealed: str) -> Packed:
    own = Packed(Seal("openai", sealed))
    if not sealed.startswith(_HEAD):
        return own
    try:
        told: Any = orjson.loads(base64.b64decode(sealed, validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        return own
    match told:
        case {"family": str(family), "value": str(value)} if family in _FAMILIES:
            call_id = told.get("call_id")
            named: Any = family
            return Packed(Seal(named, value), call_id if type(call_id) is str else "")
    return own
