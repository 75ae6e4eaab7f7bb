"""Where testing begins: tune decides, certify has no say, and the promise is kept whichever start that is."""

import numpy as np
import pytest

from tasks.certification.certify import Subject, certify_points
from tasks.certification.chain import PathView
from tasks.certification.planning import PLANNED_SHARE, ChainOnTune, Plan, Promise

CUMULATIVE = np.array([0.1, 3.0])
EPSILON, DELTA = 0.02, 0.05


def ladder(rows: int, harm_rates: np.ndarray, chance: np.random.Generator) -> tuple[list[PathView], np.ndarray]:
    """Two paths and a reference; row by row, the score says how risky stopping is: rates fall from setting to setting."""
    score = chance.random(rows)
    harm = chance.random(rows) < np.interp(score, np.linspace(0, 1, len(harm_rates)), harm_rates)
    gain = ~harm & (chance.random(rows) < 0.004)
    reference = ~gain
    first = PathView(score, np.ones(rows, bool), ~harm)
    last = PathView(np.zeros(rows), np.ones(rows, bool), reference.copy())
    return [first, last], reference


SETTINGS = [(np.inf,), *((float(threshold),) for threshold in np.linspace(0.95, 0.0, 20))]
RATES = np.array([0.2, 0.02, 0.008, 0.002])


def plan(paths: list[PathView], reference: np.ndarray, *, first_is_reference: bool = True) -> Plan:
    chain = ChainOnTune(SETTINGS, paths, reference, CUMULATIVE, first_is_reference)
    return chain.plan(Promise(EPSILON, DELTA, certify_rows=1500), otherwise_ms=9.0)


def test_levels_sum_to_delta_and_the_safest_setting_keeps_a_share() -> None:
    assert Plan(0, 1.0).tries(DELTA) == ((0, DELTA),)
    (start, level), (safest, rest) = Plan(7, 1.0).tries(DELTA)
    assert (start, safest) == (7, 0)
    assert level == pytest.approx(DELTA * PLANNED_SHARE)
    assert level + rest == pytest.approx(DELTA)


def test_where_stopping_harms_nobody_the_cheapest_setting_is_expected() -> None:
    paths, reference = ladder(1000, np.zeros(2), np.random.default_rng(0))
    found = plan(paths, reference)
    assert found.expected_cost_ms == pytest.approx(CUMULATIVE[0], rel=0.02)


def test_where_every_stop_harms_the_walk_is_expected_to_end_at_the_reference() -> None:
    paths, reference = ladder(1000, np.array([0.5, 0.5]), np.random.default_rng(0))
    found = plan(paths, reference)
    assert found.expected_cost_ms == pytest.approx(CUMULATIVE[1], rel=0.05)


def test_a_last_path_that_answers_otherwise_than_the_reference_costs() -> None:
    paths, reference = ladder(1000, RATES, np.random.default_rng(0))
    worse = paths[1].right.copy()
    worse[:60] = False
    churning = [paths[0], PathView(paths[1].score, paths[1].may_stop, worse)]
    assert (
        plan(churning, reference, first_is_reference=False).expected_cost_ms > plan(paths, reference).expected_cost_ms
    )


def test_the_promise_is_kept_over_many_draws_and_the_start_costs_no_power() -> None:
    """Truth from half a million rows; 300 draws of tune and certify; the certified setting truly loses too much in <= delta."""
    chance = np.random.default_rng(1)
    truth, reference = ladder(500_000, RATES, chance)
    stops = truth[0].score[:, None] >= np.array([setting[0] for setting in SETTINGS])
    right = np.where(stops, truth[0].right[:, None], truth[1].right[:, None])
    loss = dict(zip([setting[0] for setting in SETTINGS], reference.mean() - right.mean(axis=0), strict=True))
    broken, costs, draws = 0, [], 300
    for _ in range(draws):
        (tune, tune_right), (certify, certify_right) = ladder(700, RATES, chance), ladder(1500, RATES, chance)
        subject = Subject(
            tune=ChainOnTune(SETTINGS, tune, tune_right, CUMULATIVE, ends_with_reference=True),
            certify=certify,
            certify_right=certify_right,
            names=["first", "last"],
            otherwise_ms=9.0,
        )
        certified = certify_points(subject, [EPSILON], confidence=1 - DELTA, delta=DELTA)
        (threshold,) = certified["2%"][1].thresholds
        broken += loss[threshold] > EPSILON
        costs.append(certified["2%"][0].expected_cost_ms)
    assert broken <= draws * DELTA + 3 * np.sqrt(draws * DELTA * (1 - DELTA))
    assert np.mean(costs) < 0.6 * CUMULATIVE[1]
