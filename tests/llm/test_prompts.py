"""Kept prompts: rendering and merging."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.config.prompt_model import Prompt
from extproc.errors import Refusal
from extproc.llm import prompts


def prompt(**said: Any) -> Prompt:
    made = {
        "type": "chat_prompt",
        "name": "support/answer",
        "version": 3,
        "messages": [
            {"role": "system", "content": "Be {{ tone }}."},
            {"role": "user", "content": "Answer: {{question}}"},
        ],
        "variables": {"tone": "brief"},
        **said,
    }
    return Prompt.model_validate_json(__import__("json").dumps(made), strict=True)


def test_variables_are_filled_in() -> None:
    """Contract: `prompt_variables` stand where the prompt names them; what is left out has its
    default."""
    assert prompts.rendered(prompt(), {"question": "why?"}) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Answer: why?"},
    ]


def test_a_value_is_no_template() -> None:
    """P4: what a caller puts into a variable is not read as a template again."""
    made = prompts.rendered(prompt(), {"question": "{{tone}} {{question}}"})
    assert not isinstance(made, Refusal)
    assert made[1]["content"] == "Answer: {{tone}} {{question}}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "lacks 'question'"),
        ({"question": "a", "tones": "b"}, "has 'tones'"),
        ({"question": 1}, "object of strings"),
        ([], "object of strings"),
    ],
)
def test_what_does_not_fit_is_named(given: Any, said: str) -> None:
    """Contract, section 4: 400 with the field's name."""
    refusal = prompts.rendered(prompt(), given)
    assert isinstance(refusal, Refusal)
    assert said in refusal.detail
    assert refusal.param == "prompt_variables"


def test_the_callers_own_words_win() -> None:
    """Contract: parameters of a prompt are defaults; its messages stand before the caller's."""
    kept = prompt(
        model_configuration={"model": "a/m", "parameters": {"temperature": 0, "top_p": 1}}
    )
    messages = prompts.rendered(kept, {"question": "?"})
    assert not isinstance(messages, Refusal)
    asked = {
        "prompt_version_fqn": "x",
        "prompt_variables": {},
        "temperature": 1,
        "messages": ["own"],
    }
    made = prompts.filled_in(asked, kept, messages)
    assert made == {"temperature": 1, "top_p": 1, "model": "a/m", "messages": [*messages, "own"]}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("chat_prompt:support/answer:3", "support/answer:3"),
        ("a:v1", "a:v1"),
        ("a", None),
        (3, None),
    ],
)
def test_names(name: Any, found: str | None) -> None:
    """Contract: a prompt is called with or without its kind in front."""
    assert prompts.called(name) == found


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"version_alias": "prod"}, "begins with `v`"),
        ({"variables": {"tone": "x", "tune": "y"}}, "stands in no message"),
        ({"model_configuration": {"parameters": {"stream": True}}}, "may not set"),
    ],
)
def test_mistakes(said: dict[str, Any], text: str) -> None:
    """P7: a prompt that could not mean what it says does not load."""
    with pytest.raises(ValueError, match=text):
        prompt(**said)
