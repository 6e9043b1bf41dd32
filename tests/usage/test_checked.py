"""Which usage is charged: the provider's, or our own count (P2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage.checked import (
    INPUT_SLACK_TOKENS,
    INPUT_TIMES,
    OPEN_ENDED_TOKENS,
    OUTPUT_SLACK_TOKENS,
    OUTPUT_TIMES,
    checked,
)
from extproc.usage.price import Price, Rates, Reach, cost_nano_usd, worst_case
from extproc.usage.usage import Reported, Unsound, Usage, UsageFlag

OURS = Usage(1_000, 200, source="counted")
INPUT, OUTPUT = 1_000, 500
MOST_INPUT = INPUT_TIMES * INPUT + INPUT_SLACK_TOKENS
MOST_OUTPUT = OUTPUT_TIMES * OUTPUT + OUTPUT_SLACK_TOKENS


def check(reported: Reported, *, open_ended: bool = False) -> tuple[Usage, tuple[UsageFlag, ...]]:
    return checked(reported, lambda: OURS, input_bound=INPUT, output_bound=OUTPUT,
                   open_ended=open_ended)  # fmt: skip


@pytest.mark.parametrize(
    "honest",
    [
        Usage(900, 180),
        Usage(1_000, 500),
        Usage(100, 100, 600, 200, 90, 100),
        Usage(0, 1, 1_000),
        Usage(0, 0, audio_input_tokens=900, audio_output_tokens=500),
    ],
)
def test_what_was_reserved_is_believed(honest: Usage) -> None:
    """P2: a report within the reservation is what is charged, without a flag."""
    assert check(honest) == (honest, ())


@pytest.mark.parametrize(
    "honest",
    [
        Usage(1_001, 1),
        Usage(1, 501),
        Usage(500, 1, 300, 100, 0, 101),
        Usage(MOST_INPUT, MOST_OUTPUT),
        Usage(10, 450, 0, 0, 0, audio_output_tokens=51),
    ],
)
def test_real_money_above_the_reservation_is_charged_and_flagged(honest: Usage) -> None:
    """P2: the limit is about what the provider bills; losing it would keep the limit on paper."""
    assert check(honest) == (honest, ("above_reservation",))


@pytest.mark.parametrize(
    "impossible",
    [
        Usage(MOST_INPUT + 1, 1),
        Usage(1, MOST_OUTPUT + 1),
        Usage(1, 1, 10**9),
        Usage(1, 1, image_input_tokens=10**8),
        Usage(1, 1, audio_output_tokens=10**8),
        Usage(1, 1, web_searches=1_001),
    ],
)
def test_the_impossible_is_not_charged(impossible: Usage) -> None:
    """P2: no bytes make so many tokens: one lie cannot empty a budget."""
    assert check(impossible) == (OURS, ("provider_usage_absurd",))


@pytest.mark.parametrize(
    "dearer",
    [
        Usage(1, 1, web_searches=2),
        Usage(1, 1, cache_write_1h_tokens=1),
        Usage(1, 1, audio_input_tokens=1),
        Usage(1, 1, audio_output_tokens=1),
        Usage(1, 1, image_input_tokens=1),
    ],
)
def test_a_bucket_that_was_not_reserved_for_is_flagged(dearer: Usage) -> None:
    """P2: few tokens can still cost more than the reservation, at a rate nobody reckoned with."""
    for reach, flags in ((Reach(False, False, False, False, 1), ("above_reservation",)),
                         (Reach(web_searches=2), ())):  # fmt: skip
        charged = checked(dearer, lambda: OURS, input_bound=INPUT, output_bound=OUTPUT, reach=reach)
        assert charged == (dearer, flags)


def test_more_is_possible_where_the_provider_reads_by_itself() -> None:
    """P2: hosted tools and files by id are input that we cannot see."""
    searched = Usage(OPEN_ENDED_TOKENS, 1)
    assert check(searched) == (OURS, ("provider_usage_absurd",))
    assert check(searched, open_ended=True) == (searched, ("above_reservation",))
    beyond = Usage(OPEN_ENDED_TOKENS + 1, 1)
    assert check(beyond, open_ended=True) == (OURS, ("provider_usage_absurd",))


@pytest.mark.parametrize("zero", [Usage(0, 0), Usage(0, 9), Usage(9, 0)])
def test_zeros_where_something_was_seen_are_no_report(zero: Usage) -> None:
    """P2: servers that do not count say 0; the words are billed all the same."""
    assert check(zero) == (OURS, ("provider_usage_zero",))


def test_an_answer_without_words_costs_no_output() -> None:
    """P2: no output is fine where nothing was seen (an embedding, an empty answer)."""
    silent = checked(Usage(9, 0), lambda: Usage(10, 0, source="counted"), input_bound=10,
                     output_bound=0)  # fmt: skip
    assert silent == (Usage(9, 0), ())


def test_absent_and_unsound() -> None:
    """P2: no report, or one that contradicts itself, is replaced and named."""
    assert check(None) == (OURS, ("provider_usage_missing",))
    bad = Unsound("provider_usage_inconsistent")
    assert check(bad) == (OURS, ("provider_usage_inconsistent",))


def test_our_own_count_is_only_asked_for_when_it_is_needed() -> None:
    """P8: counting a whole answer is not on the way of an honest one."""

    def never() -> Usage:
        raise AssertionError("counted")

    for honest in (Usage(900, 180), Usage(1_500, 180), Usage(1, 900)):
        usage, _ = checked(honest, never, input_bound=INPUT, output_bound=OUTPUT)
        assert usage is honest


NUMBER = st.just(0) | st.integers(0, 10**5)
BOUND = st.integers(0, 10**6)


RATE = st.integers(0, 10**11)
PRICES = st.builds(Price, st.builds(Rates, *[RATE] * 8), per_request=RATE, per_web_search=RATE)
REACHES = st.builds(Reach, *[st.booleans()] * 4, st.integers(0, 3))


@given(st.lists(NUMBER, min_size=8, max_size=8), BOUND, BOUND, st.booleans(),
       st.integers(0, 3), REACHES, PRICES)  # fmt: skip
def test_nothing_is_charged_silently_above_the_reservation(
    buckets: list[int], input_bound: int, output_bound: int, open_ended: bool, searches: int,
    reach: Reach, price: Price,
) -> None:  # fmt: skip
    """P2: what is charged without a flag costs no more than was reserved, at any rates."""
    plain, output, cached, write, hour, audio, spoken, image = buckets
    told = Usage(plain, output, cached, write, 0, hour, audio, spoken, image, 0, 0, searches)
    ours = replace(OURS, input_tokens=input_bound)
    usage, flags = checked(told, lambda: ours, input_bound=input_bound, output_bound=output_bound,
                           open_ended=open_ended, reach=reach)  # fmt: skip
    if not flags:
        assert usage is told
        reserved = worst_case(price, input_bound, output_bound, reach=reach)
        assert cost_nano_usd(usage, price) <= reserved
    elif flags == ("above_reservation",):
        assert usage is told
    else:
        assert usage == replace(ours, output_tokens=ours.output_tokens if output_bound else 0)
