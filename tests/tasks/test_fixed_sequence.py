"""Fixed-sequence testing, and the simulation of why thresholds are not simply chosen by their empirical loss."""

import math

import numpy as np
import pytest

from tasks.statistics.fixed_sequence import certified_settings
from tasks.statistics.paired_test import paired_p_value

DELTA = 0.05


def test_the_walk_ends_at_the_first_failure():
    assert certified_settings([0.01, 0.05, 0.051, 0.001], DELTA) == (0, 1)
    assert certified_settings([0.2, 0.001], DELTA) == ()
    assert certified_settings([], DELTA) == ()


def test_a_missing_p_value_is_a_failure():
    assert certified_settings([0.01, math.nan, 0.01], DELTA) == (0,)


def test_p_values_after_the_first_failure_are_not_computed():
    def p_values():
        yield 0.01
        yield 0.9
        raise AssertionError("read too far")

    assert certified_settings(p_values(), DELTA) == (0,)


@pytest.mark.parametrize("n", [600, 1500])
def test_naive_thresholds_break_their_promise_and_certified_ones_keep_it(n):
    """Of 40 nested settings that lose 0 to 2.5 %: how often does the chosen one truly lose more than 1 %?"""
    epsilon, draws, chain = 0.01, 2000, 40
    harm_rates = np.linspace(0.0, 0.04, chain)
    gain_rates = np.linspace(0.0, 0.015, chain)
    true_losses = harm_rates - gain_rates
    cells = np.concatenate([np.diff(harm_rates, prepend=0), np.diff(gain_rates, prepend=0)])
    counts = np.random.default_rng(7).multinomial(n, [*cells, 1 - cells.sum()], size=draws)
    harms = counts[:, :chain].cumsum(axis=1)
    gains = counts[:, chain : 2 * chain].cumsum(axis=1)

    naive_violations = certified_violations = certified_draws = 0
    for b, c in zip(harms.tolist(), gains.tolist(), strict=True):
        within_budget = np.flatnonzero(np.subtract(b, c) <= epsilon * n)
        naive_violations += true_losses[within_budget[-1]] > epsilon
        p_values = (paired_p_value(n, b[k], c[k], epsilon, DELTA) for k in range(chain))
        certified = certified_settings(p_values, DELTA)
        certified_draws += bool(certified)
        certified_violations += bool(certified) and true_losses[certified[-1]] >= epsilon

    standard_error = math.sqrt(DELTA * (1 - DELTA) / draws)
    assert naive_violations / draws > 0.4
    assert certified_violations / draws <= DELTA + 3 * standard_error
    # It keeps its promise by being right, not by certifying nothing.
    assert certified_draws == draws
    print(f"n={n}: naive {naive_violations / draws:.1%}, certified {certified_violations / draws:.1%}")
