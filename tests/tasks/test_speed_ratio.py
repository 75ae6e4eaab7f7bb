"""The paired speed ratio: its coverage, and what a disturbed or a short measurement does to it."""

import numpy as np
import pytest

from tasks.statistics.speed_ratio import paired_ratio


def test_ratio_is_parent_time_over_own_time():
    ratio = paired_ratio(np.full(8, 6.0), np.full(8, 2.0))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3.0, 3.0, 3.0))


def test_six_blocks_give_the_extremes_and_nine_drop_one_on_each_side():
    # P(binomial(6, 1/2) = 0) = 1.6 %; P(binomial(9, 1/2) <= 1) = 2.0 %.
    six = paired_ratio(np.arange(1.0, 7), np.ones(6))
    assert (six.low, six.value, six.high) == (1.0, 3.5, 6.0)
    nine = paired_ratio(np.arange(1.0, 10), np.ones(9))
    assert (nine.low, nine.value, nine.high) == (2.0, 5.0, 8.0)


def test_one_disturbed_block_does_not_move_the_answer():
    parent, own = np.full(12, 4.0), np.full(12, 2.0)
    own[5] = 400.0
    ratio = paired_ratio(parent, own)
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


def test_a_machine_that_slows_down_for_both_cancels_out():
    drift = np.linspace(1, 3, 20)
    ratio = paired_ratio(4.0 * drift, 2.0 * drift)
    assert (ratio.low, ratio.high) == pytest.approx((2.0, 2.0))


@pytest.mark.parametrize("blocks", [3, 5, 6, 9, 20, 200])
def test_the_interval_holds_the_true_ratio_in_95_of_100_measurements(blocks):
    rng = np.random.default_rng(blocks)
    draws, hits = 500, 0
    for _ in range(draws):
        ratio = paired_ratio(3.0 * rng.lognormal(0, 0.05, blocks), 2.0 * rng.lognormal(0, 0.05, blocks))
        hits += ratio.low <= 1.5 <= ratio.high
    assert hits / draws >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / draws)


@pytest.mark.parametrize("blocks", [2, 3, 4, 5])
def test_few_blocks_give_an_interval_that_holds_every_ratio_seen(blocks):
    own = np.linspace(1.0, 1.2, blocks)
    ratio = paired_ratio(np.full(blocks, 2.0), own)
    assert ratio.low <= (2 / own).min() <= ratio.value <= (2 / own).max() <= ratio.high


@pytest.mark.parametrize(
    ("parent", "own"),
    [
        ([1.0], [1.0]),
        ([1.0, 2.0], [1.0]),
        ([1.0, 0.0], [1.0, 1.0]),
        ([1.0, np.nan], [1.0, 1.0]),
        ([[1.0, 1.0]], [[1.0, 1.0]]),
    ],
)
def test_unusable_times_are_refused(parent, own):
    with pytest.raises(ValueError):
        paired_ratio(parent, own)
