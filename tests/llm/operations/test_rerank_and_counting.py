"""Rerank and token counting: texts, search units, and what is free."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.cohere_rerank import COHERE_RERANK
from extproc.llm.openai_rerank import OPENAI_RERANK
from extproc.llm.rerank_reading import DOCUMENTS_MAX, search_units
from extproc.usage.checked import checked
from extproc.usage.price import Price, Rates, UnitRates, cost_nano_usd, worst_case
from extproc.usage.tokens import TokenCounter
from extproc.usage.usage import Units, Unsound, Usage
from tests.llm.operations.asking import call_of, refused, texts, without_streams

BODY = {"model": "m", "query": "T-q", "documents": ["T-d", {"text": "T-e", "title": "T-t"}]}


def test_every_text_of_a_rerank() -> None:
    """P5: the query, every document and its fields, every unknown field."""
    found = texts(OPENAI_RERANK.request_texts({**BODY, "rank_fields": ["T-f"], "user": "T-u"}))
    assert set(found.values()) == {"T-q", "T-d", "T-e", "T-t", "T-f", "T-u"}
    answer = {"id": "r", "results": [{"index": 0, "relevance_score": 0.5, "document": {"text":
              "T-d"}}], "meta": {"warnings": ["T-w"]}}  # fmt: skip
    assert set(texts(OPENAI_RERANK.response_texts(answer)).values()) == {"T-d", "T-w"}
    assert call_of(OPENAI_RERANK, BODY).operation == "rerank"
    without_streams(OPENAI_RERANK, BODY)


@pytest.mark.parametrize(
    ("more", "param"),
    [({"query": ""}, "query"), ({"documents": []}, "documents"), ({"documents": "d"}, "documents"),
     ({"documents": ["a", 1]}, "documents[1]"), ({"documents": [{}]}, "documents[0]"),
     ({"documents": ["d"] * (DOCUMENTS_MAX + 1)}, "documents"), ({"top_n": 0}, "top_n"),
     ({"return_documents": "yes"}, "return_documents"), ({"model": None}, "model")],
)  # fmt: skip
def test_ill_typed_reranks_are_refused_by_name(more: Any, param: str) -> None:
    """Contract: missing and ill-typed fields are refused by their name."""
    assert refused(OPENAI_RERANK, {**BODY, **more}) == param


@pytest.mark.parametrize(
    ("documents", "units"),
    [(["d"], 1), (["d"] * 100, 1), (["d"] * 101, 2), (["d"] * 1_000, 10),
     (["w " * 2_500], 1), (["w " * 2_500] * 20, 2), (["w " * 2_500] * 100, 6)],
)  # fmt: skip
def test_search_units(documents: list[str], units: int) -> None:
    """P2: a query with up to 100 documents; pieces of 500 tokens are documents of their own."""
    assert search_units("q", documents) == units


@given(st.text(max_size=3_000), st.lists(st.text(max_size=3_000), min_size=1, max_size=20))
def test_search_units_never_fall(query: str, documents: list[str]) -> None:
    """P2: more documents, longer ones or a longer query never cost less."""
    units = search_units(query, documents)
    assert units >= 1
    assert search_units(query + "x", documents) >= units
    assert search_units(query, [*documents, "x"]) >= units


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"meta": {"billed_units": {"search_units": 2}}}, Usage(units=Units(searches=2))),
        ({"meta": {"billed_units": {"search_units": 2.0}}}, Usage(units=Units(searches=2))),
        ({"usage": {"total_tokens": 815}}, Usage(815)),
        ({"meta": {"api_version": {}}, "usage": {"total_tokens": 9, "prompt_tokens": 9}}, Usage(9)),
        ({"meta": {}}, None),
    ],
)
def test_usage_of_a_rerank(answer: Any, usage: Usage | None) -> None:
    """P2: Cohere tells search units, the others tokens."""
    assert COHERE_RERANK.response_usage(answer) == usage == OPENAI_RERANK.response_usage(answer)


@pytest.mark.parametrize(
    "answer",
    [{"meta": {"billed_units": {"search_units": -1}}}, {"usage": {}}, {"usage": 5},
     {"meta": {"billed_units": {"search_units": 1.5}}}],
)  # fmt: skip
def test_unsound_usage_of_a_rerank(answer: Any) -> None:
    """P2: what cannot be true voids the report."""
    assert isinstance(OPENAI_RERANK.response_usage(answer), Unsound)


@given(st.integers(1, 400), st.booleans())
def test_a_rerank_never_costs_more_than_was_reserved(number: int, told: bool) -> None:
    """P2: by the search unit or by the token, the query counted once a document."""
    body = {"model": "m", "query": "what is it", "documents": ["a word or two"] * number}
    bound = TokenCounter().bound(OPENAI_RERANK.billable(body), {"openai", "cohere"})
    units = -(-number // 100)
    answer = {"meta": {"billed_units": {"search_units": units}}} if told else {}
    charged, _ = checked(
        OPENAI_RERANK.response_usage(answer), lambda: Usage(bound.input_tokens, 99),
        input_bound=bound.input_tokens, output_bound=0, reach=bound.reach,
    )  # fmt: skip
    for price in (Price(Rates(0, 0, 0, 0), units=UnitRates(search=2 * 10**6)),
                  Price(Rates(2 * 10**7, 9 * 10**9, 0, 0))):  # fmt: skip
        reserved = worst_case(price, bound.input_tokens, 0, reach=bound.reach)
        assert cost_nano_usd(charged, price) <= reserved
    by_token = Usage((3 + 4) * number)
    assert by_token.input_tokens <= bound.input_tokens


MESSAGES = {"model": "c", "messages": [{"role": "user", "content": "T-m"}], "system": "T-s",
            "tools": [{"name": "t", "description": "T-t", "input_schema": {}}]}  # fmt: skip


def test_counting_tokens_reads_a_message_without_a_maximum() -> None:
    """P5: every text of a message is read here too; the path is Anthropic's."""
    call = call_of(ANTHROPIC_COUNT_TOKENS, MESSAGES)
    assert (call.operation, call.max_output_tokens, call.tools) == ("count_tokens", None, ("t",))
    assert texts(ANTHROPIC_COUNT_TOKENS.request_texts(MESSAGES)) == texts(
        ANTHROPIC_MESSAGES.request_texts(MESSAGES)
    )
    assert ANTHROPIC_COUNT_TOKENS.upstream_path("c", stream=False) == "/v1/messages/count_tokens"
    sent = ANTHROPIC_COUNT_TOKENS.with_call(
        MESSAGES, model="up", max_output_tokens=5, include_usage=True
    )
    assert sent == {**MESSAGES, "model": "up"}
    without_streams(ANTHROPIC_COUNT_TOKENS, MESSAGES)
    assert refused(ANTHROPIC_COUNT_TOKENS, {"model": "c"}) == "messages"
    assert refused(ANTHROPIC_COUNT_TOKENS, {**MESSAGES, "max_tokens": "x"}) == "max_tokens"


def test_counting_tokens_costs_nothing() -> None:
    """P2: nothing is reserved, and the number in the answer is nobody's usage."""
    bound = TokenCounter().bound(ANTHROPIC_COUNT_TOKENS.billable(MESSAGES), {"anthropic"})
    assert (bound.input_tokens, bound.more_output_tokens) == (0, 0)
    usage, flags = checked(
        ANTHROPIC_COUNT_TOKENS.response_usage({"input_tokens": 2_095}), lambda: Usage(5, 5),
        input_bound=0, output_bound=0, reach=bound.reach,
    )  # fmt: skip
    assert (usage, flags) == (Usage(), ())
    answer = {"input_tokens": 2_095, "context_management": {"note": "T-n"}}
    assert set(texts(ANTHROPIC_COUNT_TOKENS.response_texts(answer)).values()) == {"T-n"}
