"""OpenAI Images (`POST /v1/images/generations`): a prompt in, pictures out, whole.

Wire: platform.openai.com, "Create image", "Image generation" (its table of output tokens by size
and quality). Refuses, by field name: missing or ill-typed `prompt`, `n`, `size`, `stream: true`
(not offered), and SVG output: a second model writes it that nobody has granted or priced. What is
in a picture nobody here can read: each is named in `response_unscanned`.

Billed by tokens (GPT Image) or by the picture: both are reserved, the price tells which counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, is_name, walk
from extproc.llm.openai_media_usage import read_image_usage
from extproc.llm.whole_answer import WholeAnswers, read_rest, stream_fault, whole_call
from extproc.usage.usage import Reported, Units

IMAGES_MAX = 10
PATCH_PIXELS = 16 * 16
PIXELS_UNSTATED = 1_536 * 1_024
"""The largest standard size; "auto" picks one of them."""
PIXELS_MAX = 3_840 * 2_160
PATCH_PERCENT = {"low": 8, "medium": 30, "high": 105, "xhigh": 420, "max": 420}
"""Tokens of 100 patches. Documented: 272, 1,056 and 4,160 for 1024 x 1024 at low, medium and high.
Those of `xhigh` and `max` are not published; taken for four times as many."""
PLANNING_TOKENS = 1_024
"""Thinking before the picture: not published; more is charged as reported."""
GIF_FRAMES_UNSTATED = 9
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_READ = frozenset(("model", "prompt"))
_SETTINGS = frozenset(
    ("background", "complexity", "moderation", "output_format", "quality", "response_format",
     "size", "style")
)  # fmt: skip
_ANSWER_NAMES = MACHINE_KEYS | frozenset(("background", "output_format", "quality", "size"))


class OpenAIImages(WholeAnswers):
    """The dialect; stateless."""

    name = "openai_images"
    shape = "openai_images"
    family: Family = "openai"
    operation: Operation = "images"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = (
            fields.model_fault(body)
            or stream_fault(body)
            or fields.count_fault(body, "n", most=IMAGES_MAX)
            or fields.count_fault(body, "frame_count", most=16)
            or _text_fault(body)
            or _svg_fault(body)
        )
        if fault:
            return fault
        unread = _request(body).unread
        return whole_call("images", body["model"], unread, choices=body.get("n") or 1)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        return Billable(
            texts=[body["prompt"]],
            parts=1,
            units=Units(images=body.get("n") or 1),
            output_tokens=picture_tokens(body),
            unseen="image",
        )

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        data = body.get("data")
        return read_image_usage(body.get("usage"), len(data) if type(data) is list else 0)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/images/generations"


OPENAI_IMAGES = OpenAIImages()


def picture_tokens(body: Json) -> int:
    """The most output tokens of one picture."""
    found = _SIZE.fullmatch(str(body.get("size") or "auto"))
    pixels = int(found[1]) * int(found[2]) if found else PIXELS_UNSTATED
    patches = -(-min(pixels, PIXELS_MAX) // PATCH_PIXELS)
    percent = PATCH_PERCENT.get(str(body.get("quality")), PATCH_PERCENT["high"])
    frames = 1
    if body.get("output_format") == "gif":
        frames = body.get("frame_count") or GIF_FRAMES_UNSTATED
    return (-(-patches * percent // 100) + PLANNING_TOKENS) * frames


def _text_fault(body: Json) -> Refusal | None:
    if type(body.get("prompt")) is not str:
        return fields.refuse("prompt", "must be a string")
    for key in ("size", "quality", "output_format"):
        if body.get(key) is not None and type(body[key]) is not str:
            return fields.refuse(key, "must be a string")
    return None


def _svg_fault(body: Json) -> Refusal | None:
    if body.get("svg") is not None:
        return fields.refuse("svg", "names a second model and is not offered")
    if body.get("output_format") == "svg":
        return fields.refuse("output_format", "'svg' asks for a second model and is not offered")
    return None


def _request(body: Json) -> Found:
    found = Found()
    add_text(body, "prompt", "prompt", "user", found)
    read_rest(body, found, _READ, _SETTINGS)
    return found


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "data" and type(value) is list:
            for at, item in enumerate(value):
                _picture(value, at, item, found)
        elif type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "assistant", found, _ANSWER_NAMES)
    return found


def _picture(data: list[Any], at: int, item: Any, found: Found) -> None:
    """Its bytes, or a link to them, which is read as the text that it is."""
    path = f"data[{at}]"
    if type(item) is not dict:
        walk(data, at, path, "assistant", found)
        return
    for key, value in item.items():
        where = f"{path}.{key}"
        if key in ("b64_json", "url") and value:
            found.unread.append(where)
            walk(item, key, where, "assistant", found.aside())
        elif type(value) in (str, list, dict) or not is_name(key):
            walk(item, key, where, "assistant", found)
