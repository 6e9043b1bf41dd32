"""What a provider has no word for and what clients say with every call: reported, not refused."""

from __future__ import annotations

import pytest

from extproc.errors import Refusal
from extproc.llm.translate import TRANSLATIONS
from extproc.llm.translate.sides import Carried

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("provider", ["gemini_generate", "bedrock_converse", "cohere_chat"])
def test_one_tool_call_at_a_time_is_reported(provider: str) -> None:
    """Translate: agents say `parallel_tool_calls: false` with every call; who cannot promise it is
    asked all the same, and the caller is told."""
    body = {"messages": [{"role": "user", "content": "x"}], "tools": TOOLS,
            "parallel_tool_calls": False}  # fmt: skip
    made = TRANSLATIONS["openai_chat", provider].request(body, stream=False, default_max_tokens=9)
    assert isinstance(made, Carried)
    assert made.left_out == ("parallel_tool_calls",)
    del body["tools"]
    plain = TRANSLATIONS["openai_chat", provider].request(body, stream=False, default_max_tokens=9)
    assert isinstance(plain, Carried) and plain.left_out == ()


@pytest.mark.parametrize("provider", ["openai_chat", "openai_responses", "bedrock_converse"])
def test_what_googles_models_assume_is_no_wish(provider: str) -> None:
    """Translate: Google's own command line sends `topK: 64` with every call; another value is a
    wish, and refused where it cannot be carried."""
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    for top_k, carried in ((64, True), (40, True), (7, False)):
        made = TRANSLATIONS["gemini_generate", provider].request(
            {**body, "generationConfig": {"topK": top_k}}, stream=False, default_max_tokens=9
        )
        assert isinstance(made, Carried if carried else Refusal)
        if isinstance(made, Carried):
            assert made.left_out == ("generationConfig.topK",)
        else:
            assert made.param == "generationConfig.topK"
