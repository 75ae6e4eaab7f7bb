"""The paired non-inferiority test against full enumeration, its size, and the properties that callers rely on."""

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtr, gammaln, xlogy
from scipy.stats import beta

from tasks.statistics.paired_test import (
    most_harms,
    paired_p_value,
    paired_test,
    paired_upper_bound,
    rows_needed,
    score,
)

DELTA = 0.05
GAMMA = DELTA / 20


@lru_cache(maxsize=64)
def trinomial(n, p_harm, q_gain):
    """Probabilities of all (harms, gains), shape (n + 1, n + 1), by the definition."""
    b, c = np.mgrid[0 : n + 1, 0 : n + 1]
    rest = np.maximum(n - b - c, 0)
    log_mass = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(rest + 1)
    log_mass = log_mass + xlogy(b, p_harm) + xlogy(c, q_gain) + xlogy(rest, max(1 - p_harm - q_gain, 0.0))
    return np.where(b + c <= n, np.exp(log_mass), 0.0)


def monotone_score_table(n, epsilon):
    """T(b, c) as specified, with the running minimum over b and the running maximum over c; NaN beyond b + c = n."""
    table = np.full((n + 1, n + 1), np.nan)
    for b in range(n + 1):
        for c in range(n + 1 - b):
            linear = -(b + c) + epsilon * (2 * n - b + c)
            q = (-linear + math.sqrt(max(linear**2 + 8 * n * c * epsilon * (1 - epsilon), 0))) / (4 * n)
            variance = n * (2 * q + epsilon - epsilon**2)
            difference = n * epsilon - (b - c)
            table[b, c] = difference / math.sqrt(variance) if difference else 0.0
    for b in range(1, n + 1):
        table[b, : n + 1 - b] = np.minimum(table[b, : n + 1 - b], table[b - 1, : n + 1 - b])
    for c in range(1, n + 1):
        table[: n + 1 - c, c] = np.maximum(table[: n + 1 - c, c], table[: n + 1 - c, c - 1])
    return table


def enumerated_p_values(n, epsilon, points):
    """p-values of all (harms, gains) by summing every table, maximised over `points` values of q for each set of q."""
    table = monotone_score_table(n, epsilon)
    result = np.full_like(table, np.nan)
    for c in range(n + 1):
        q_upper = float(beta.ppf(1 - GAMMA, c + 1, n - c)) if c < n else 1.0
        tails = np.zeros(n + 1 - c)
        grid = np.sin(np.linspace(0, math.pi / 2, points)) ** 2 * min(q_upper, (1 - epsilon) / 2)
        for q in np.append(grid, min(max(-epsilon, 0), q_upper)):
            # Where epsilon is negative, H0 also holds q without any harms.
            mass = trinomial(n, max(q + epsilon, 0.0), q)
            for b in range(n + 1 - c):
                tails[b] = max(tails[b], mass[table >= table[b, c] - 1e-9].sum())
        result[: n + 1 - c, c] = np.minimum(GAMMA + tails, 1)
    return result


@pytest.mark.parametrize(
    ("n", "epsilon"), [(1, 0.1), (3, 0.02), (8, 0.3), (8, 0.05), (13, 0.01), (8, 0.0), (8, -0.2), (13, -0.01)]
)
def test_p_value_equals_full_enumeration_for_every_table(n, epsilon):
    expected = enumerated_p_values(n, epsilon, points=301)
    for b in range(n + 1):
        for c in range(n + 1 - b):
            actual = paired_p_value(n, b, c, epsilon, DELTA)
            # The grid of the enumeration may miss a little of the maximum but never exceeds it.
            assert expected[b, c] - 1e-6 <= actual <= expected[b, c] + 1e-4, (b, c)


@pytest.mark.parametrize(("harms", "gains"), [(0, 0), (0, 2), (1, 4), (3, 1), (6, 6)])
def test_p_value_equals_full_enumeration_with_30_rows(harms, gains):
    n, epsilon = 30, 0.1
    table = monotone_score_table(n, epsilon)
    tail = table >= table[harms, gains] - 1e-9
    q_upper = float(beta.ppf(1 - GAMMA, gains + 1, n - gains))
    grid = np.linspace(0, 1, 2001) ** 2 * min(q_upper, (1 - epsilon) / 2)
    expected = GAMMA + max(trinomial(n, q + epsilon, q)[tail].sum() for q in grid)
    assert paired_p_value(n, harms, gains, epsilon, DELTA) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 7, 30, 120, 400])
@pytest.mark.parametrize("epsilon", [-0.5, -0.01, 1e-4, 0.002, 0.01, 0.05, 0.3, 0.95])
def test_the_score_needs_no_help_to_be_monotone(n, epsilon):
    b, c = np.mgrid[0 : n + 1, 0 : n + 1]
    table = np.where(b + c <= n, score(n, b, c, epsilon), np.nan)
    assert np.nanmax(np.diff(table, axis=0)) < 0
    assert np.nanmin(np.diff(table, axis=1)) > 0


def rejection_region(n, epsilon, delta):
    """For each number of gains the most harms that are certified (-1: none), walking from one column to the next."""
    region, b = [], 0
    for c in range(n + 1):
        b = min(b, n - c)
        while b >= 0 and paired_p_value(n, b, c, epsilon, delta) > delta:
            b -= 1
        while b < n - c and paired_p_value(n, b + 1, c, epsilon, delta) <= delta:
            b += 1
        region.append(b)
        b = max(b, 0)
    return np.array(region)


def largest_size(n, epsilon, delta):
    """The test's greatest chance of certifying a candidate that loses exactly epsilon, over 400 nuisance values."""
    region = rejection_region(n, epsilon, delta)
    c = np.arange(n + 1)
    sizes = []
    for q in np.sin(np.linspace(0, math.pi / 2, 400)) ** 2 * (1 - epsilon) / 2:
        gains = np.exp(gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1) + xlogy(c, q) + (n - c) * math.log1p(-q))
        harms = np.where(region < 0, 0.0, bdtr(np.maximum(region, 0), n - c, min((q + epsilon) / (1 - q), 1.0)))
        sizes.append(float((gains * harms).sum()))
    return max(sizes)


@pytest.mark.parametrize("epsilon", [0.05, pytest.param(0.02, marks=pytest.mark.slow)])
def test_size_is_at_most_delta_with_200_rows(epsilon):
    # A test that never rejects would pass as well; this one uses most of what it is allowed.
    assert 0.6 * DELTA < largest_size(200, epsilon, DELTA) <= DELTA


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.01, 0.02])
def test_size_is_at_most_delta_with_500_rows(epsilon):
    assert 0.6 * DELTA < largest_size(500, epsilon, DELTA) <= DELTA


def test_size_is_at_most_delta_inside_the_null_hypothesis():
    n, epsilon, delta = 40, 0.1, 0.1
    region = rejection_region(n, epsilon, delta)
    certified = np.arange(n + 1)[:, None] <= region[None, :]
    for loss in (0.1, 0.12, 0.2):
        for q in np.linspace(0, (1 - loss) / 2, 60):
            assert trinomial(n, q + loss, q)[certified].sum() <= delta


@pytest.mark.parametrize(("n", "epsilon"), [(200, 0.05), (1500, 0.005), (1500, 0.01), (5000, 0.01)])
def test_without_gains_it_is_clopper_pearson_up_to_gamma(n, epsilon):
    for harms in range(60):
        clopper_pearson = bdtr(harms, n, epsilon)
        if 0.02 < clopper_pearson < 0.3:
            assert paired_p_value(n, harms, 0, epsilon, DELTA) == pytest.approx(clopper_pearson + GAMMA, abs=1e-9)


def test_gains_count_where_a_bound_on_harms_alone_ignores_them():
    assert bdtr(12, 1500, 0.01) > DELTA
    assert paired_p_value(1500, 12, 5, 0.01, DELTA) <= DELTA


@pytest.mark.parametrize(("epsilon", "without_gamma"), [(0.005, 598), (0.01, 299), (0.02, 149)])
def test_rows_needed_are_the_fewest(epsilon, without_gamma):
    n = rows_needed(epsilon, DELTA)
    assert without_gamma < n <= 1.025 * without_gamma
    assert paired_p_value(n, 0, 0, epsilon, DELTA) <= DELTA < paired_p_value(n - 1, 0, 0, epsilon, DELTA)


@pytest.mark.parametrize(("n", "harms", "gains"), [(500, 0, 7), (200, 7, 1), (50, 2, 5), (1500, 8, 3), (30, 0, 0)])
def test_upper_bound_is_the_largest_epsilon_not_rejected(n, harms, gains):
    bound = paired_upper_bound(n, harms, gains, DELTA)
    loss = (harms - gains) / n
    above = bound + np.linspace(0, bound - loss, 200)
    assert all(paired_p_value(n, harms, gains, float(epsilon), DELTA) <= DELTA for epsilon in above if epsilon < 1)
    below = bound - np.linspace(0, 0.02 * (bound - loss), 20)
    assert any(paired_p_value(n, harms, gains, float(epsilon), DELTA) > DELTA for epsilon in below)


def test_upper_bound_goes_past_a_first_crossing_that_is_not_the_last():
    # Here the p-value falls below delta at -0.00626, rises above it again, and falls for good at -0.00616.
    n, harms, gains = 500, 0, 7
    epsilons = np.linspace(-0.0064, -0.0061, 200)
    rejected = np.array([paired_p_value(n, harms, gains, float(e), DELTA) <= DELTA for e in epsilons])
    first, last = int(rejected.argmax()), int(np.flatnonzero(~rejected)[-1])
    assert first < last
    assert paired_upper_bound(n, harms, gains, DELTA) >= epsilons[last]


def test_upper_bound_of_nothing_and_of_total_loss_is_one():
    assert paired_upper_bound(0, 0, 0, DELTA) == paired_upper_bound(7, 7, 0, DELTA) == 1.0
    assert paired_upper_bound(50, 49, 0, DELTA) <= 1.0


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 400), data=st.data(), epsilon=st.floats(0.002, 0.3))
def test_more_harms_never_look_better(n, data, epsilon):
    gains = data.draw(st.integers(0, n))
    harms = sorted(data.draw(st.lists(st.integers(0, n - gains), min_size=2, max_size=4)))
    p_values = [paired_p_value(n, b, gains, epsilon, DELTA) for b in harms]
    assert all(GAMMA <= p <= 1 for p in p_values)
    # The maximum over the nuisance parameter is found to about 1e-5.
    assert all(earlier <= later + 3e-5 for earlier, later in pairwise(p_values))
    certified = most_harms(n, gains, epsilon, DELTA)
    assert all((p <= DELTA) == (b <= certified) for b, p in zip(harms, p_values, strict=True))


@settings(deadline=None, max_examples=10)
@given(n=st.integers(1, 300), data=st.data())
def test_upper_bound_lies_above_the_loss_and_grows_with_harms(n, data):
    gains = data.draw(st.integers(0, n))
    harms = data.draw(st.integers(0, n - gains))
    bound = paired_upper_bound(n, harms, gains, DELTA)
    assert (harms - gains) / n <= bound <= 1
    if harms + gains < n:
        assert bound <= paired_upper_bound(n, harms + 1, gains, DELTA) + 2e-5


def test_record_counts_harms_and_gains_from_rows():
    parent = np.array([True] * 90 + [False] * 10)
    candidate = parent.copy()
    candidate[:3] = False
    candidate[90:92] = True
    test = paired_test(parent, candidate, epsilon=0.1, confidence=0.95)
    assert (test.n, test.harms, test.gains, test.loss) == (100, 3, 2, pytest.approx(0.01))
    assert test.p_value == paired_p_value(100, 3, 2, 0.1, 1 - 0.95)
    assert (test.p_value <= 0.05) == (test.upper_bound <= 0.1)


def test_no_rows_certify_nothing():
    empty = np.zeros(0, dtype=bool)
    test = paired_test(empty, empty, epsilon=0.01, confidence=0.95)
    assert test.p_value == test.upper_bound == 1.0


@pytest.mark.parametrize(
    ("parent", "candidate"),
    [
        (np.ones(3, dtype=bool), np.ones(2, dtype=bool)),
        (np.ones((2, 2), dtype=bool), np.ones((2, 2), dtype=bool)),
        (np.array([1, 2]), np.array([1, 1])),
    ],
)
def test_arrays_that_are_not_paired_booleans_are_refused(parent, candidate):
    with pytest.raises(ValueError, match="need"):
        paired_test(parent, candidate, epsilon=0.01, confidence=0.95)


@pytest.mark.parametrize(
    "arguments",
    [
        (10, 6, 5, 0.01, 0.05),
        (10, -1, 0, 0.01, 0.05),
        (10, 0, 0, 1.0, 0.05),
        (10, 0, 0, math.nan, 0.05),
        (10, 0, 0, 0.01, 0.0),
    ],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError):
        paired_p_value(*arguments)
