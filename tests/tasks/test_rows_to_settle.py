"""How many rows would settle it: against the tests themselves, row by row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.binomial import exact_interval
from tasks.statistics.paired_test import paired_p_value
from tasks.statistics.rows_to_settle import MOST_ROWS, rows_to_decide, rows_to_narrow, rows_to_reach, rows_to_reject

DELTA = 0.05


def rejected(n: int, rows: int, harms: int, gains: int, epsilon: float) -> bool:
    """At the shares of `n` rows, rounded against the rejection."""
    return paired_p_value(rows, -(-rows * harms // n), rows * gains // n, epsilon, DELTA) <= DELTA


@pytest.mark.parametrize(
    ("n", "harms", "gains", "epsilon"), [(60, 1, 0, 0.05), (50, 0, 0, 0.04), (150, 6, 6, 0.03), (40, 1, 3, -0.01)]
)
def test_the_number_of_rows_is_on_the_edge_of_the_paired_test(n: int, harms: int, gains: int, epsilon: float) -> None:
    found = rows_to_reject(n, harms, gains, epsilon, DELTA)
    assert found is not None
    assert rejected(n, found, harms, gains, epsilon)
    assert not rejected(n, found - 1, harms, gains, epsilon)


@pytest.mark.parametrize(("harms", "gains"), [(4, 0), (10, 6), (5, 1)])
def test_no_number_of_rows_shows_what_the_shares_contradict(harms: int, gains: int) -> None:
    assert rows_to_reject(100, harms, gains, 0.04, DELTA) is None


def test_a_number_that_is_no_advice_is_none() -> None:
    assert rows_to_reject(1000, 50, 31, 0.0195, DELTA, most=2000) is None
    assert rows_to_narrow(100, 0.9, 0.8, 0.8999) is None


@given(st.integers(1, 400), st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_asked_for_settles_a_floor_and_one_row_fewer_does_not(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    floor = data.draw(st.floats(0.05, 0.99))
    found = rows_to_reach(n, successes, floor, 0.95)
    if found is None:
        assert successes / n <= floor or exact_interval(MOST_ROWS * successes // n, MOST_ROWS, 0.95).low < floor
        return
    assert n < found <= MOST_ROWS
    assert exact_interval(found * successes // n, found, 0.95).low >= floor
    if found > n + 1:
        fewer = found - 1
        assert exact_interval(fewer * successes // n, fewer, 0.95).low < floor


@pytest.mark.parametrize(("n", "harms", "gains"), [(80, 8, 3), (150, 14, 6), (40, 3, 0), (300, 45, 5)])
def test_a_loss_that_seems_to_be_there_is_decided_by_more_rows_whichever_it_is(n: int, harms: int, gains: int) -> None:
    """Either the rows to come show as much harm as these, or as many gains as harms."""
    found = rows_to_decide(n, harms, gains, 0.05, DELTA)
    assert found is not None
    more = found - n
    even = -(-more * (harms + gains) // (2 * n))
    as_seen = paired_p_value(found, found * gains // n, -(-found * harms // n), -0.05, DELTA)
    by_chance = paired_p_value(found, harms + even, gains + even, 0.05, DELTA)
    assert min(as_seen, by_chance) <= DELTA


def test_a_bound_narrows_with_the_root_of_the_rows() -> None:
    assert rows_to_narrow(100, 1.0, 0.5, 0.75) == 400
    assert rows_to_narrow(100, 0.25, 0.5, 0.375) == 400
    assert rows_to_narrow(0, 0.9, 0.8, 0.85) is None
    assert rows_to_narrow(100, 0.85, 0.8, 0.85) is None
