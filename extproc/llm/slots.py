"""Texts that stand in a body in another form than a string of their own.

Promises: what is read is what a model would see; what is written is read again as it was written
(P5). A plain string needs none of these: `TextSlot` itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from extproc.llm.call import Role, TextSlot
from extproc.llm.encoded_text import Encoded

_NOTHING = Encoded("", "")


@dataclass(slots=True)
class EncodedSlot(TextSlot):
    """`holder[key]` is a text file in base64, or a `data:` URL of one."""

    encoded: Encoded = _NOTHING

    @property
    def text(self) -> str:
        return self.encoded.text

    @text.setter
    def text(self, value: str) -> None:
        self.holder[self.key] = self.encoded.again(value)
        self.encoded = Encoded(value, self.encoded.head, self.encoded.json)


@dataclass(slots=True)
class JsonSlot(TextSlot):
    """`holder[key]` is an object or a list that somebody other than a vendor shaped: the input of
    a tool, the definition of one, a schema.

    Read as one JSON text, as a model sees it: with its keys, its numbers, and each value beside its
    key; and as the same input reads when it is streamed, or in a dialect that sends it as a string.
    """

    shown: str = ""

    @property
    def text(self) -> str:
        return self.shown

    @text.setter
    def text(self, value: str) -> None:
        """What is no JSON goes in as a string: a provider refuses it, nothing leaks."""
        try:
            self.holder[self.key] = _tree(value)
            self.shown = orjson.dumps(self.holder[self.key]).decode()
        except orjson.JSONDecodeError:
            self.holder[self.key] = self.shown = value


def _tree(text: str) -> Any:
    """Two keys that became one placeholder stay two: neither's value may be lost."""
    tree = orjson.loads(text)
    if orjson.dumps(tree).count(b":") == text.count(":"):
        return tree
    return json.loads(text, object_pairs_hook=_numbered)


def _numbered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in out:
            number += 1
            name = f"{key} {number}"
        out[name] = value
    return out


@dataclass(slots=True)
class LogprobsSlot(TextSlot):
    """The tokens of `logprobs`: the answer once more. A changed text takes them all away, for the
    probabilities of a text that is not there say what was."""

    repeats: ClassVar[bool] = True
    shown: str = ""

    @property
    def text(self) -> str:
        return self.shown

    @text.setter
    def text(self, value: str) -> None:
        if value != self.shown:
            self.shown, self.holder[self.key] = value, None


def json_slot(holder: Any, key: Any, path: str, role: Role, channel: str = "") -> TextSlot:
    """A slot over all of `holder[key]`; a plain one where it is a string."""
    value = holder[key]
    if type(value) is str:
        return TextSlot(holder, key, path, role, channel or path)
    shown = orjson.dumps(value).decode()
    return JsonSlot(holder, key, path, role, channel or path, True, False, shown)


def fixed_slot(text: str, path: str, role: Role) -> TextSlot:
    """A text that was put together here and stands in no place of its own."""
    return TextSlot([text], 0, path, role, path, False, True)
