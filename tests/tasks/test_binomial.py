"""Exact binomial bounds against SciPy's and against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from tasks.statistics.binomial import exact_interval, exact_lower_bound, exact_upper_bound


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 30), (17, 30), (30, 30), (948, 1000), (3079, 3080)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_interval_equals_scipy(successes, n, confidence):
    expected = binomtest(successes, n).proportion_ci(confidence, method="exact")
    interval = exact_interval(successes, n, confidence)
    assert interval.value == successes / n
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert (interval.successes, interval.n, interval.confidence) == (successes, n, confidence)


@pytest.mark.parametrize("n", [5, 40])
def test_coverage_is_at_least_the_confidence_for_every_proportion(n):
    intervals = [exact_interval(k, n, 0.9) for k in range(n + 1)]
    for p in np.linspace(0, 1, 501):
        covered = [interval.low <= p <= interval.high for interval in intervals]
        assert binom.pmf(np.arange(n + 1), n, p)[covered].sum() >= 0.9 - 1e-9


@settings(deadline=None)
@given(n=st.integers(1, 2000), data=st.data(), floor=st.floats(0.01, 0.99), delta=st.floats(0.01, 0.4))
def test_p_value_of_a_floor_agrees_with_the_lower_bound(n, data, floor, delta):
    successes = data.draw(st.integers(0, n))
    bound = exact_lower_bound(successes, n, 1 - delta)
    if abs(bound - floor) > 1e-9:
        assert (binom.sf(successes - 1, n, floor) <= delta) == (bound > floor)


def test_upper_bound_mirrors_the_lower_bound():
    assert exact_upper_bound(7, 50, 0.95) == pytest.approx(1 - exact_lower_bound(43, 50, 0.95))


def test_no_rows_say_nothing():
    assert exact_lower_bound(0, 0, 0.95) == 0.0
    assert exact_upper_bound(0, 0, 0.95) == 1.0
    with pytest.raises(ValueError, match="no rows"):
        exact_interval(0, 0, 0.95)


@pytest.mark.parametrize(("successes", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (1, 4, 1.0), (1, 4, 95)])
def test_impossible_arguments_are_refused(successes, n, confidence):
    with pytest.raises(ValueError):
        exact_interval(successes, n, confidence)
