"""A rule's own parameters, in each provider's words."""

from __future__ import annotations

import pytest

from extproc.llm.call import Json
from extproc.providers.fitting import fitted
from extproc.providers.overrides import overridden
from extproc.providers.presets import Preset

PARAMS = {"temperature": 0.2, "max_tokens": 9, "stop": "END"}


@pytest.mark.parametrize(
    ("shape", "body", "made"),
    [
        ("openai_chat", {"a": 1}, {"a": 1, **PARAMS}),
        (
            "anthropic_messages",
            {},
            {"temperature": 0.2, "max_tokens": 9, "stop_sequences": ["END"]},
        ),
        (
            "gemini_generate",
            {"generationConfig": {"topP": 1, "temperature": 1}},
            {"generationConfig": {"topP": 1, "temperature": 0.2, "maxOutputTokens": 9,
                                  "stopSequences": ["END"]}},
        ),
        (
            "bedrock_converse",
            {"messages": []},
            {"messages": [], "inferenceConfig": {"temperature": 0.2, "maxTokens": 9,
                                                 "stopSequences": ["END"]}},
        ),
    ],
)  # fmt: skip
def test_one_set_of_words(shape: str, body: Json, made: Json) -> None:
    """Route: `override_params` says the same whoever serves the call."""
    before = {key: dict(value) if isinstance(value, dict) else value for key, value in body.items()}
    found = overridden(body, PARAMS, shape)
    if shape == "openai_chat":
        assert found == made
    else:
        assert {k: v for k, v in found.items() if k != "stop"} == made
    assert body == before, "the caller's own body is not changed: other targets get it too"


def test_own_names_of_a_provider_pass() -> None:
    """Route: a name that nobody here knows is the provider's own."""
    assert overridden({}, {"safetySettings": []}, "gemini_generate") == {"safetySettings": []}
    assert overridden({}, {"prompt_version_fqn": "a:1"}, "openai_chat") == {}


def test_fields_of_another_name() -> None:
    """Translate: what a provider does not know is renamed, or left out and reported."""
    preset = Preset("x", ("openai_chat",), rename={"seed": "random_seed"}, drop=("store",))
    body = {"model": "m", "seed": 1, "store": False}
    assert fitted(body, preset) == ({"model": "m", "random_seed": 1}, ("store",))
    assert fitted({"model": "m"}, preset) == ({"model": "m"}, ())
