"""A body as a webhook is shown it, and what it may have changed in it: texts, and nothing else.

Promises: every changed text belongs to exactly one passage that the hook looked at, found by its
place in the body, its path and its old text; JSON stays JSON. Refuses (`bad_answer`): a body that
differs in anything else, and a change of a text that the hook did not look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from extproc.guardrails.values import Exam, GuardrailFault, Passage, Scene
from extproc.llm.call import ProviderDialect, TextSlot
from extproc.llm.dialects import CALLER_DIALECTS, PROVIDER_DIALECTS
from extproc.llm.leaves import add_leaves
from extproc.llm.slots import JsonSlot

_CHOICE = re.compile(r"choices\[(\d{1,4})\]")
Place = tuple[int, Any]
"""`id` of the object or list that holds a text, and its key there."""


@dataclass(slots=True)
class ShownBody:
    """`places`: of the texts that may change -> index of their passage."""

    body: dict[str, Any]
    places: dict[Place, int] = field(default_factory=dict)

    def changes(self, returned: Any, passages: Sequence[Passage]) -> dict[int, str]:
        """Index of a passage -> its new text. Raises GuardrailFault `bad_answer`."""
        out: dict[int, str] = {}
        for place, text in self._differences(self.body, returned, (0, None)):
            index = self.places.get(place)
            if index is None or not _may_become(passages[index], text):
                raise GuardrailFault("bad_answer")
            out[index] = text
        return out

    def _differences(self, mine: Any, theirs: Any, place: Place) -> Iterator[tuple[Place, str]]:
        """Texts that differ. Recursion is bounded by the depth of `mine`."""
        match mine:
            case dict():
                if type(theirs) is not dict or theirs.keys() != mine.keys():
                    raise GuardrailFault("bad_answer")
                pairs = [(key, value, theirs[key]) for key, value in mine.items()]
            case list():
                if type(theirs) is not list or len(theirs) != len(mine):
                    raise GuardrailFault("bad_answer")
                pairs = [(index, value, theirs[index]) for index, value in enumerate(mine)]
            case str():
                if type(theirs) is not str:
                    raise GuardrailFault("bad_answer")
                if theirs != mine:
                    yield place, theirs
                return
            case _:
                # 1.0 comes back as 1 from some languages; true is no number.
                if mine != theirs or isinstance(mine, bool) != isinstance(theirs, bool):
                    raise GuardrailFault("bad_answer")
                return
        found = [one for key, own, other in pairs
                 for one in self._differences(own, other, (id(mine), key))]  # fmt: skip
        if place not in self.places:
            yield from found
        elif found:  # a tool's input or a schema is one text: its JSON
            yield place, orjson.dumps(theirs).decode()


def request_body(exam: Exam) -> ShownBody:
    """The request's body; of a tool call without one, its name and arguments."""
    scene = exam.scene
    body = dict(exam.request) or {"name": scene.tool, "arguments": dict(scene.arguments)}
    slots = (slot for dialect in _fitting(CALLER_DIALECTS, scene)
             for slot in _read(dialect.request_texts, body))  # fmt: skip
    return ShownBody(body, _places(body, slots, exam.passages))


def answer_body(exam: Exam) -> ShownBody:
    """The whole answer, in the dialect of who gave it; of a stream a chat completion."""
    if exam.answer is None:
        return of_channels(exam.passages)
    body = dict(exam.answer)
    slots = (slot for dialect in _fitting(PROVIDER_DIALECTS, exam.scene)
             for slot in _read(dialect.response_texts, body))  # fmt: skip
    return ShownBody(body, _places(body, slots, exam.passages))


D = TypeVar("D", bound=ProviderDialect)


def _fitting(dialects: Mapping[str, D], scene: Scene) -> list[D]:
    """The caller's first: the answer may be in another one of the same operation."""
    fitting = [dialect for dialect in dialects.values() if dialect.operation == scene.operation]
    return sorted(fitting, key=lambda dialect: scene.dialect not in (dialect.name, dialect.family))


def _read(texts: Any, body: dict[str, Any]) -> Iterable[TextSlot]:
    try:
        return list(texts(body))
    except (KeyError, TypeError, AttributeError):
        return ()  # not a body of this dialect


def _places(
    body: dict[str, Any], slots: Iterable[TextSlot], passages: Sequence[Passage]
) -> dict[Place, int]:
    by_path: dict[str, int] = {}
    for index, passage in enumerate(passages):
        # Two of one path cannot be told apart: neither may change.
        by_path[passage.path] = -1 if passage.path in by_path else index
    leaves: list[TextSlot] = []
    for key in body:
        add_leaves(body, key, key, "input", leaves)
    places: dict[Place, int] = {}
    taken: set[int] = set()
    for slot in (*slots, *leaves):
        index, place = by_path.get(slot.path, -1), (id(slot.holder), slot.key)
        if slot.fixed or index < 0 or index in taken or place in places:
            continue
        if passages[index].text != slot.text or not _stands_there(slot):
            continue
        places[place] = index
        taken.add(index)
    return places


def _stands_there(slot: TextSlot) -> bool:
    """The text itself, or the JSON that it is; what is encoded or repeated cannot be changed."""
    value = slot.holder[slot.key]
    return value == slot.text or (isinstance(slot, JsonSlot) and type(value) in (dict, list))


def _may_become(passage: Passage, text: str) -> bool:
    if not passage.json_text or not _is_json(passage.text):
        return True
    return _is_json(text)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


# --- a stream as a chat completion -----------------------------------------------------------


def of_channels(passages: Sequence[Passage]) -> ShownBody:
    """A chat completion of a stream's whole texts: one choice per choice of the stream.

    In `message`: `content` (a string; parts of type `text` when the stream has several),
    `refusal`, `reasoning_content` (a string; a list when several), `tool_calls`; any other text
    under its own name.
    """
    shown = ShownBody({"object": "chat.completion", "choices": []})
    calls = {_parent(p.path) for p in passages if p.role == "tool_arguments"}
    choices: dict[int, list[int]] = {}
    for index, passage in enumerate(passages):
        found = _CHOICE.match(passage.path)
        choices.setdefault(int(found[1]) if found else 0, []).append(index)
    for number, indexes in sorted(choices.items()):
        message = _message(passages, indexes, calls, shown.places)
        shown.body["choices"].append({"index": number, "message": message, "finish_reason": None})
    return shown


def _message(
    passages: Sequence[Passage], indexes: Sequence[int], calls: set[str], places: dict[Place, int]
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    by_field: dict[str, list[int]] = {}
    tools: dict[str, dict[str, Any]] = {}
    for index in indexes:
        passage = passages[index]
        call = _parent(passage.path)
        if call in calls:
            _put(tools.setdefault(call, {}), _tool_key(passage), passage.text, index, places)
        else:
            by_field.setdefault(_field(passage), []).append(index)
    for name, found in by_field.items():
        _fill(message, name, [(index, passages[index].text) for index in found], places)
    if tools:
        message["tool_calls"] = [{"type": "function", "function": f} for f in tools.values()]
    return message


_FIELDS: Mapping[str, str] = {"refusal": "refusal", "reasoning": "reasoning_content"}


def _field(passage: Passage) -> str:
    """By role; what is neither content nor any of those keeps its own name."""
    name = passage.path.rpartition(".")[2]
    content = "content" if name in ("content", "text") else name
    return _FIELDS.get(passage.role, content)


def _fill(
    message: dict[str, Any], name: str, texts: list[tuple[int, str]], places: dict[Place, int]
) -> None:
    if len(texts) == 1:
        _put(message, name, texts[0][1], texts[0][0], places)
        return
    several: list[Any] = [{"type": "text", "text": t} if name == "content" else t for _, t in texts]
    for position, (index, _) in enumerate(texts):
        part = several[position]
        places[(id(part), "text") if name == "content" else (id(several), position)] = index
    message[name] = several


def _put(holder: dict[str, Any], key: str, text: str, index: int, places: dict[Place, int]) -> None:
    while holder.get(key) is not None:
        key += "_"
    holder[key] = text
    places[id(holder), key] = index


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _tool_key(passage: Passage) -> str:
    last = passage.path.rpartition(".")[2]
    return "arguments" if passage.json_text or last == "input" else last
