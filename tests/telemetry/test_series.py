"""Counters and histograms: exact, and bounded whatever callers send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extproc.telemetry import catalog
from extproc.telemetry.series import OTHER, SERIES_MAX, VALUES_MAX, Counter, Histogram

ONE_LABEL, TWO_LABELS = catalog.ATTEMPTS, catalog.TOKENS_USED


@given(st.lists(st.integers(0, 7 * catalog.NANO), max_size=60))
def test_histogram_agrees_with_counting_by_hand(amounts: list[int]) -> None:
    """P2: figures are exact; a bucket holds what is at most its bound."""
    histogram = Histogram(catalog.GOVERNANCE)
    for amount in amounts:
        histogram.observe((), amount)
    row = histogram.rows.get((), [0] * (len(catalog.PHASE_S) + 2))
    for index, bound in enumerate(catalog.GOVERNANCE.bounds):
        assert sum(row[: index + 1]) == sum(amount <= bound for amount in amounts)
    assert sum(row[:-1]) == len(amounts)
    assert row[-1] == sum(amounts)


def test_invented_values_fold_into_other() -> None:
    """P4: labels are bounded; a caller cannot grow the worker's memory by inventing values."""
    counter = Counter(ONE_LABEL)
    for number in range(VALUES_MAX + 50):
        counter.add((f"model-{number}",))
    assert len(counter.rows) == VALUES_MAX + 1
    assert counter.rows[(OTHER,)] == 50
    assert counter.bound.overflows == 50
    assert sum(counter.rows.values()) == VALUES_MAX + 50


def test_known_values_keep_their_series_after_an_overflow() -> None:
    """P2: an overflow costs detail of new values only."""
    counter = Counter(ONE_LABEL)
    for number in range(VALUES_MAX + 1):
        counter.add((f"model-{number}",))
    counter.add(("model-0",))
    assert counter.rows[("model-0",)] == 2


def test_combinations_are_bounded_too() -> None:
    """P4: two labels of few values each must not multiply without end."""
    counter = Counter(TWO_LABELS)
    for first in range(VALUES_MAX):
        for second in range(SERIES_MAX // VALUES_MAX + 3):
            counter.add((f"a{first}", f"b{second}"))
    assert len(counter.rows) == SERIES_MAX + 1
    assert counter.rows[(OTHER, OTHER)] == counter.bound.overflows > 0


def test_half_a_surrogate_pair_is_no_label() -> None:
    """P4: text that no file can hold must not stop all metrics from being written."""
    counter = Counter(ONE_LABEL)
    counter.add(("\ud800",))
    assert counter.rows == {(OTHER,): 1}


def test_metadata_labels_stay_apart() -> None:
    """Contract: `telemetry.metric_metadata_keys`; two keys never share one label."""
    assert catalog.metadata_labels(("cost.center", "cost-center", "team")) == (
        "metadata_cost_center",
        "metadata_cost_center_2",
        "metadata_team",
    )
