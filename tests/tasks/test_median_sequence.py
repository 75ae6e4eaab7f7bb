"""The confidence sequence for a median: exact, right however often one looks, and no narrower than it may be."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from tasks.statistics.median_sequence import log_evidence, median_interval, needed_on_one_side

LEVEL = 0.05


def by_integration(count: int, above: int) -> float:
    """The bet's worth, with Jeffreys' prior on (1/2, 1) written out."""
    density = lambda p: 2 / (math.pi * math.sqrt(p * (1 - p)))  # noqa: E731 - a formula
    worth, _ = quad(lambda p: (2 * p) ** above * (2 * (1 - p)) ** (count - above) * density(p), 0.5, 1, limit=400)
    return worth


@pytest.mark.parametrize(("count", "above"), [(1, 0), (1, 1), (8, 8), (12, 7), (40, 29), (64, 46), (64, 10)])
def test_the_evidence_is_the_integral_that_it_stands_for(count: int, above: int) -> None:
    assert math.exp(log_evidence(count, above)) == pytest.approx(by_integration(count, above), rel=1e-6)


def test_the_bet_is_fair_so_that_no_stopping_rule_wins_by_it() -> None:
    """Over all sequences of fair signs its mean is 1, and it reaches 1 / level in at most that share of them (Ville)."""
    flips, level = 14, 0.05
    means, reached = np.zeros(flips + 1), 0
    for signs in itertools.product((0, 1), repeat=flips):
        above = np.cumsum(signs)
        worth = [math.exp(log_evidence(n, int(above[n - 1]))) for n in range(1, flips + 1)]
        means[1:] += worth
        reached += max(worth) >= 1 / level
    assert means[1:] / 2**flips == pytest.approx(np.ones(flips), rel=1e-9)
    assert 0 < reached / 2**flips <= level


@pytest.mark.parametrize("count", [1, 7, 8, 13, 64])
def test_so_many_are_needed_on_one_side_and_no_fewer(count: int) -> None:
    found = needed_on_one_side(count, 0.0125)
    enough = [above for above in range(count + 1) if log_evidence(count, above) >= math.log(80)]
    assert found == (min(enough) if enough else None)
    assert enough == list(range(found, count + 1)) if found is not None else True


def test_eight_values_are_the_fewest_that_tell_anything_at_the_level_of_one_of_two_clocks() -> None:
    values = np.arange(1.0, 9)
    assert median_interval(values[:7], LEVEL / 2) == (-math.inf, math.inf)
    assert median_interval(values, LEVEL / 2) == (1.0, 8.0)


@pytest.mark.parametrize("draw", ["lognormal", "two_humps", "discrete"])
def test_it_holds_the_median_whenever_one_stops(draw: str) -> None:
    """Looked at after each of 200 values, it ever misses the median in at most 5 of 100 measurements, whatever the values."""
    rng = np.random.default_rng(7)
    runs, length = 400, 200
    if draw == "lognormal":
        values, median = rng.lognormal(0.3, 0.4, (runs, length)), math.exp(0.3)
    elif draw == "two_humps":
        side = rng.random((runs, length)) < 0.5
        values, median = np.where(side, rng.normal(-5, 1, (runs, length)), rng.exponential(1, (runs, length))), 0.0
    else:
        values, median = rng.integers(0, 3, (runs, length)).astype(float), 1.0
    missed = 0
    for row in values:
        intervals = [median_interval(row[:n], LEVEL) for n in range(1, length + 1)]
        missed += any(not low <= median <= high for low, high in intervals)
    assert missed / runs <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


def test_it_narrows_to_the_median() -> None:
    values = np.random.default_rng(0).lognormal(0, 0.2, 3000)
    low, high = median_interval(values, LEVEL)
    assert 0.97 < low < 1 < high < 1.03


@pytest.mark.parametrize(("values", "level"), [([[1.0]], 0.05), ([math.nan], 0.05), ([1.0], 0.0), ([1.0], 1.0)])
def test_what_is_no_row_of_numbers_or_no_level_is_refused(values: list, level: float) -> None:
    with pytest.raises(ValueError):
        median_interval(values, level)
