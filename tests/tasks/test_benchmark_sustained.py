"""The search for the highest sustained rate: it never overstates, is bounded, and needs enough queries per probe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmark.sustained import MIN_QUERIES, Search, highest_sustained_qps, probe_queries

PATIENT = Search(probes=5, budget_s=1e9)


@given(limit=st.floats(1, 5_000), capacity=st.floats(10, 5_000), known_share=st.none() | st.floats(0.01, 1))
def test_result_is_below_the_true_limit_and_within_the_bisection_step(
    limit: float, capacity: float, known_share: float | None
) -> None:
    known = None if known_share is None else min(limit, capacity) * known_share

    found = highest_sustained_qps(
        lambda qps, _queries: qps <= limit, known=known, capacity=capacity, queries=1500, search=PATIENT
    )

    step = (capacity - (known or 0)) / 2**PATIENT.probes
    assert found is None or found <= limit
    assert (found or 0.0) >= min(limit, capacity) - step * (1 + 1e-9) - 1e-6


def test_at_most_the_agreed_number_of_probes_runs() -> None:
    probes: list[float] = []

    def sustains(qps: float, _queries: int) -> bool:
        probes.append(qps)
        return len(probes) % 2 == 0

    highest_sustained_qps(sustains, known=None, capacity=1000, queries=1500, search=PATIENT)

    assert len(probes) == PATIENT.probes


def test_no_probe_starts_that_would_end_after_the_budget() -> None:
    now = 0.0

    def sustains(qps: float, queries: int) -> bool:
        nonlocal now
        now += queries / qps
        return True

    highest_sustained_qps(
        sustains, known=None, capacity=200, queries=1500, search=Search(5, budget_s=15), clock=lambda: now
    )

    assert 0 < now <= 15


def test_a_model_too_slow_for_one_probe_keeps_what_the_scenario_showed() -> None:
    found = highest_sustained_qps(lambda *_: pytest.fail("probed"), known=4.0, capacity=8.0, queries=1500)

    assert found == 4.0


def test_nothing_is_claimed_from_runs_too_short_for_a_99th_percentile() -> None:
    few = MIN_QUERIES - 1

    assert highest_sustained_qps(lambda *_: True, known=None, capacity=1000, queries=few) is None


@given(qps=st.floats(0.1, 1e5), queries=st.integers(MIN_QUERIES, 10_000))
def test_a_probe_always_has_enough_queries_for_the_percentile(qps: float, queries: int) -> None:
    assert MIN_QUERIES <= probe_queries(qps, queries) <= max(queries, qps)
