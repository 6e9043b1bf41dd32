"""`when`, compiled."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config.match import compile_models, compile_when
from extproc.config.model import When

SUBJECTS = frozenset({"virtualaccount:bot", "team:support", "*"})
MODELS = ("prod/assistant", "openai-main/org/gpt")
METADATA = {"environment": "production", "extra": "harmless"}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"subjects": ("team:support",)}, True),
        ({"subjects": ("team:other", "*")}, True),
        ({"subjects": ("team:Support",)}, False),
        ({"models": ("prod/assistant",)}, True),
        ({"models": ("openai-main/*",)}, True),
        ({"models": ("prod/assist",)}, False),
        ({"models": ("Prod/*", "anthropic-main/*")}, False),
        ({"models": ("*",)}, True),
        ({"metadata": {"environment": "production"}}, True),
        ({"metadata": {"environment": "production", "team": "a"}}, False),
        ({"metadata": {"environment": "prod"}}, False),
        ({"subjects": ("team:support",), "models": ("prod/other",)}, False),
        ({"subjects": ("team:other",), "metadata": {"environment": "production"}}, False),
    ],
)
def test_parts_are_anded_and_missing_parts_match(when, expected):
    """Contract, section 2: `when` as in the reference, 3.3."""
    assert compile_when(When(**when)).matches(SUBJECTS, MODELS, METADATA) is expected


def test_no_models_at_all_match_no_model():
    """Style 8: empty lists deny."""
    assert not compile_models(())("openai-main/gpt")
    matcher = compile_when(When(models=("*",)))
    assert not matcher.matches(SUBJECTS, (), METADATA)


@given(st.lists(st.text("ab/*", max_size=5), max_size=4), st.text("ab/", max_size=6))
def test_compiled_patterns_agree_with_fnmatch(patterns, name):
    """Contract, section 2: `models: [globs]`."""
    expected = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    assert compile_models(patterns)(name) is expected
