"""The monitors: they stay quiet as long as their promise says, and speak up soon after a shift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.monitoring import (
    ACT,
    Alarm,
    EDetector,
    ShareMonitor,
    population_stability_index,
    rank_category,
    rank_monitor,
    stop_share_monitor,
)


def time_to_alarm(rate: float, *, bound: float, alpha: float, most: int, seed: int) -> int:
    chance = np.random.default_rng(seed)
    detector = EDetector(bound, alpha)
    for number, harm in enumerate(chance.random(most) < rate, start=1):
        detector = detector.after(float(harm))
        if detector.alarm:
            return number
    return most


def test_without_shift_alarms_are_as_rare_as_promised() -> None:
    times = [time_to_alarm(0.02, bound=0.02, alpha=0.01, most=1000, seed=seed) for seed in range(60)]
    assert np.mean(times) >= 100


def test_a_loss_well_above_the_bound_is_found_soon() -> None:
    times = [time_to_alarm(0.15, bound=0.01, alpha=1e-4, most=3000, seed=seed) for seed in range(20)]
    assert np.median(times) < 300


def test_a_long_quiet_time_does_not_delay_an_alarm() -> None:
    detector = EDetector(0.01)
    for _ in range(5000):
        detector = detector.after(0)
    quiet = detector.observations
    while not detector.alarm:
        detector = detector.after(1)
    assert detector.observations - quiet < 60


@given(harms=st.lists(st.sampled_from([-1, 0, 1]), max_size=60))
def test_the_capital_follows_its_recursion_and_never_turns_negative(harms: list[int]) -> None:
    detector, expected = EDetector(0.02), 0.0
    for harm in harms:
        detector = detector.after(harm)
        expected = max(expected, 1.0) * (1 + 0.1 * (harm - 0.02))
    assert detector.capitals[2] == pytest.approx(expected)
    assert min(detector.capitals) >= 0


def test_the_same_shares_raise_no_alarm_and_others_do() -> None:
    chance, shares = np.random.default_rng(0), {"lexical": 0.7, "layer-1": 0.1, "full": 0.2}
    calm = shifted = stop_share_monitor(shares)
    for _ in range(2000):
        calm = calm.after(int(chance.choice(3, p=[0.7, 0.1, 0.2])))
        shifted = shifted.after(int(chance.choice(3, p=[0.4, 0.1, 0.5])))
    assert calm.alarm is Alarm.NONE
    assert shifted.alarm is Alarm.ACT


def test_a_window_says_nothing_before_it_is_full() -> None:
    monitor = ShareMonitor((0.5, 0.5), window=4)
    for _ in range(3):
        monitor = monitor.after(0)
        assert (monitor.last_index, monitor.alarm) == (None, Alarm.NONE)
    assert monitor.after(0).alarm is Alarm.ACT


def test_confidences_fall_into_the_deciles_of_calibration() -> None:
    calibration = np.random.default_rng(0).random(5000)
    edges = np.quantile(calibration, np.arange(1, 10) / 10).tolist()
    monitor = rank_monitor()
    for confidence in np.random.default_rng(1).random(1000):
        monitor = monitor.after(rank_category(float(confidence), edges))
    assert monitor.alarm is Alarm.NONE
    assert rank_category(0.0, edges) == 0
    assert rank_category(1.0, edges) == 9


def test_the_index_is_zero_for_equal_shares_and_symmetric() -> None:
    assert population_stability_index([0.3, 0.7], [0.3, 0.7]) == 0
    there = population_stability_index([0.3, 0.7], [0.5, 0.5])
    assert there == pytest.approx(population_stability_index([0.5, 0.5], [0.3, 0.7]))
    assert 0 < there < ACT


@pytest.mark.parametrize(
    "wrong", [lambda: EDetector(1.0), lambda: EDetector(0.1, 0.0), lambda: EDetector(0.1).after(2)]
)
def test_impossible_values_are_errors(wrong) -> None:
    with pytest.raises(ValueError, match=r"-1|alpha"):
        wrong()
