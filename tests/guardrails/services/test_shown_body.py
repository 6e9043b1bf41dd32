"""What a webhook may change: texts that were looked at, each one found again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.guardrails.services.shown_body import ShownBody, answer_body, of_channels, request_body
from extproc.guardrails.values import Exam, GuardrailFault, Passage
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.openai_chat import OPENAI_CHAT
from tests.guardrails.services import exams

TEXT = st.text(st.sampled_from('ab \n"\\😀é{}'), max_size=8)
ROLE = st.sampled_from(["system", "user", "assistant", "tool"])
CONTENT = st.one_of(
    TEXT, st.lists(TEXT.map(lambda text: {"type": "text", "text": text}), max_size=3)
)
CALL = TEXT.map(lambda text: {"id": "c", "type": "function", "function": {
    "name": "f", "arguments": json.dumps({"a": text})}})  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {"role": ROLE, "content": CONTENT}, optional={"tool_calls": st.lists(CALL, max_size=2)}
)
CHAT = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(MESSAGE, max_size=4)},
    optional={"user": TEXT, "temperature": st.floats(0, 2), "seed": st.integers(0, 2**53)},
)
BLOCK = st.one_of(
    TEXT.map(lambda text: {"type": "text", "text": text}),
    TEXT.map(lambda text: {"type": "thinking", "thinking": text, "signature": "s"}),
    st.dictionaries(st.sampled_from("ab"), st.lists(TEXT, max_size=2)).map(
        lambda given: {"type": "tool_use", "id": "t", "name": "f", "input": given}
    ),
)
ANSWER = st.lists(BLOCK, max_size=4).map(
    lambda blocks: {"id": "m", "type": "message", "role": "assistant", "content": blocks}
)


def fresh(body: Any) -> Any:
    """As it comes over the wire: no two parts are one object."""
    return json.loads(json.dumps(body))


def rewritten(exam: Exam, shown: ShownBody, chosen: set[int]) -> tuple[Any, dict[int, str]]:
    """The body with new texts at the places of these passages, and what that means."""
    returned, expected = fresh(shown.body), {}
    for place, index in shown.places.items():
        if index in chosen:
            _write(shown.body, returned, place)
            expected[index] = exam.passages[index].text + "+"
    return returned, expected


def _write(mine: Any, theirs: Any, place: tuple[int, Any]) -> None:
    """Change the text that stands at `place` of `mine` in its copy."""
    keys = mine if isinstance(mine, dict) else range(len(mine)) if isinstance(mine, list) else ()
    for key in keys:
        if (id(mine), key) == place:
            theirs[key] += "+"
        else:
            _write(mine[key], theirs[key], place)


@given(CHAT, st.data())
def test_every_changed_text_of_a_request_is_found_again(body: Any, data: st.DataObject) -> None:
    """P5: exactly those, by their passages; an unchanged body changes nothing."""
    body = fresh(body)
    exam = exams.asking(body)
    shown = request_body(exam)
    assert shown.changes(fresh(shown.body), exam.passages) == {}
    plain = [i for i, p in enumerate(exam.passages) if not p.json_text]
    unique = [i for i in plain if i in shown.places.values()]
    chosen = set(data.draw(st.lists(st.sampled_from(unique)))) if unique else set()
    returned, expected = rewritten(exam, shown, chosen)
    assert shown.changes(returned, exam.passages) == expected


@given(CHAT)
def test_every_plain_text_of_a_request_has_a_place(body: Any) -> None:
    """P5: what the hook looks at can be changed, in every field that has a path of its own."""
    exam = exams.asking(fresh(body))
    shown = request_body(exam)
    paths = [p.path for p in exam.passages]
    for index, passage in enumerate(exam.passages):
        if paths.count(passage.path) == 1 and not passage.path.endswith("{}"):
            assert index in shown.places.values()


@given(ANSWER)
def test_every_text_of_another_dialects_answer_has_a_place(answer: Any) -> None:
    """P5: the caller speaks OpenAI, the provider Anthropic."""
    exam = exams.answering(exams.chat("x"), fresh(answer), OPENAI_CHAT, provider=ANTHROPIC_MESSAGES)
    shown = answer_body(exam)
    assert set(shown.places.values()) == set(range(len(exam.passages)))
    assert shown.changes(fresh(shown.body), exam.passages) == {}


PATHS = st.sampled_from(
    ["choices[0].content", "choices[0].refusal", "choices[1].content", "choices[0].reasoning",
     "choices[0].tool_calls[0].name", "choices[0].tool_calls[0].arguments", "content[0].text",
     "content[1].input", "content[1].name", "content[2].thinking", "choices[0].role", "other{}"]
)  # fmt: skip
CHANNELS = st.lists(st.tuples(PATHS, TEXT), unique_by=lambda pair: pair[0]).map(
    lambda pairs: tuple(Passage(path, _role(path), text) for path, text in pairs)
)


def _role(path: str) -> Any:
    for word, role in (("tool_calls", "tool_arguments"), ("input", "tool_arguments"),
                       ("refusal", "refusal"), ("reasoning", "reasoning"),
                       ("thinking", "reasoning")):  # fmt: skip
        if word in path:
            return role
    return "assistant"


@given(CHANNELS)
def test_every_channel_of_a_stream_has_a_place_of_its_own(channels: tuple[Passage, ...]) -> None:
    """P5: a text is shown once, and can be changed there."""
    shown = of_channels(channels)
    assert sorted(shown.places.values()) == list(range(len(channels)))
    assert shown.changes(fresh(shown.body), channels) == {}
    texts = sorted(_strings(shown.body["choices"]))
    assert texts == sorted(passage.text for passage in channels)


def _strings(value: Any, key: Any = None) -> list[str]:
    if isinstance(value, dict):
        return [text for k, v in value.items() for text in _strings(v, k)]
    if isinstance(value, list):
        return [text for v in value for text in _strings(v, key)]
    machine = value in ("text", "function", "assistant") and key in ("type", "role")
    return [value] if isinstance(value, str) and not machine else []


def test_a_text_that_is_no_passage_may_not_change() -> None:
    """P1: neither the model's name nor a text of another role."""
    body = exams.chat("one", "two")
    exam = exams.asking(body)
    shown = request_body(Exam("llm_input", exam.scene, exam.passages[:1], request=body))
    assert shown.changes(exams.chat("1", "two"), exam.passages[:1]) == {0: "1"}
    for returned in (exams.chat("one", "2"), {**body, "model": "other"}):
        with pytest.raises(GuardrailFault):
            shown.changes(returned, exam.passages[:1])


def test_a_body_of_no_dialect_is_shown_all_the_same() -> None:
    """P5: its plain strings can be matched by their paths."""
    passages = (Passage("odd[0].deep", "input", "Ana"),)
    exam = Exam("llm_input", exams.SCENE, passages, request={"odd": [{"deep": "Ana"}], "n": 1})
    shown = request_body(exam)
    assert shown.changes({"odd": [{"deep": "NAME"}], "n": 1}, passages) == {0: "NAME"}
