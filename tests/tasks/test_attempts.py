"""What a series of attempts spends, and the simulation of its promise: retried until it succeeds, delta holds for all of it."""

import math
from itertools import accumulate, pairwise

import numpy as np
import pytest
from scipy.stats import binom

from tasks.statistics.attempts import attempt_level, chance_to_certify
from tasks.statistics.paired_test import paired_p_value, rows_needed

DELTA = 0.05


def test_all_attempts_together_spend_delta_and_no_more() -> None:
    levels = [attempt_level(DELTA, r) for r in range(1, 20_001)]
    assert levels[0] == pytest.approx(0.9 * DELTA)
    assert levels[1:4] == pytest.approx([0.1 * 6 * DELTA / (math.pi * k) ** 2 for k in (1, 2, 3)])
    assert all(later < earlier for earlier, later in pairwise(levels))
    assert all(spent < DELTA for spent in accumulate(levels))
    assert sum(levels) == pytest.approx(DELTA, rel=1e-5)


@pytest.mark.parametrize(("delta", "attempt"), [(DELTA, 0), (DELTA, -1), (0.0, 1), (1.0, 2), (math.nan, 1)])
def test_impossible_attempts_and_levels_are_refused(delta: float, attempt: int) -> None:
    with pytest.raises(ValueError, match=r"attempts count from 1|delta"):
        attempt_level(delta, attempt)


@pytest.mark.parametrize(("epsilon", "without_gamma"), [(0.005, 619), (0.01, 309), (0.02, 154)])
def test_a_first_attempt_without_harms_needs_so_many_rows(epsilon: float, without_gamma: int) -> None:
    level = attempt_level(DELTA, 1)
    # Clopper and Pearson's bound alone; what bounds the nuisance parameter takes a twentieth of the level.
    assert (1 - epsilon) ** without_gamma <= level < (1 - epsilon) ** (without_gamma - 1)
    needed = rows_needed(epsilon, level)
    assert needed == math.ceil(math.log(0.95 * level) / math.log1p(-epsilon))
    assert without_gamma < needed <= 1.025 * without_gamma
    assert paired_p_value(needed, 0, 0, epsilon, level) <= level < paired_p_value(needed - 1, 0, 0, epsilon, level)


def rejected(n: int, most_gains: int, epsilon: float, level: float) -> list[int]:
    """For each number of gains the most harms that are certified: one more gain makes up for no fewer."""
    edges, most = [], -1
    for gains in range(most_gains + 1):
        while paired_p_value(n, most + 1, gains, epsilon, level) <= level:
            most += 1
        edges.append(most)
    return edges


def test_retries_until_one_succeeds_keep_the_promise_of_the_series_and_retries_at_delta_do_not() -> None:
    """Every candidate loses exactly epsilon, so every certificate is false; who is not certified tries another one.

    Half of what the candidates get wrong they get wrong on the same rows, half on rows of their own.
    """
    n, epsilon, gain_rate, attempts, series = 400, 0.02, 0.01, 6, 20_000
    chance = np.random.default_rng(11)

    def counts(rate: float) -> np.ndarray:
        shared = chance.binomial(n, rate / 2, size=(series, 1))
        return shared + chance.binomial(n - shared, rate / 2 / (1 - rate / 2), size=(series, attempts))

    harms, gains = counts(gain_rate + epsilon), counts(gain_rate)

    def false_share(level_of: list[float]) -> float:
        certified = np.zeros(series, dtype=bool)
        for number, level in enumerate(level_of):
            edges = np.array(rejected(n, int(gains.max()), epsilon, level))
            certified |= harms[:, number] <= edges[gains[:, number]]
        return float(certified.mean())

    spent = false_share([attempt_level(DELTA, r + 1) for r in range(attempts)])
    naive = false_share([DELTA] * attempts)
    assert spent <= DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / series)
    assert spent > 0.4 * DELTA  # it keeps the promise without certifying nothing
    assert naive > 2 * DELTA


def test_the_chance_to_certify_is_that_of_a_candidate_that_loses_half_of_what_is_promised() -> None:
    n, epsilon, level = 700, 0.01, 0.04
    certified = [paired_p_value(n, harms, 0, epsilon, level) <= level for harms in range(12)]
    expected = binom.pmf(np.flatnonzero(certified), n, epsilon / 2).sum()
    assert 0.2 < chance_to_certify(n, epsilon, level) < 0.5
    assert chance_to_certify(n, epsilon, level) == pytest.approx(expected)
    assert chance_to_certify(100, epsilon, level) == 0
