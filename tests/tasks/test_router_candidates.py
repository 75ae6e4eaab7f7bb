"""In which order ladders are tried, and what a first choice is expected to cost that may fail."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tasks.certification.candidate import Candidate, in_order, tries
from tasks.certification.chain import PathView
from tasks.certification.planning import ChainOnTune, Promise

ROWS = 1000
PROMISE = Promise(epsilon=0.01, delta=0.05, certify_rows=1500)
REFERENCE_MS = 6.0


@dataclass(frozen=True, kw_only=True)
class Alone(Candidate):
    """One path by itself."""

    path: str

    @property
    def name(self) -> str:
        return self.path


def alone(name: str, cost_ms: float, *, harms: int) -> Alone:
    """A path that answers all rows but so many as the reference path does; it is that path where there are none."""
    reference = np.ones(ROWS, dtype=bool)
    view = PathView(np.zeros(ROWS), np.ones(ROWS, dtype=bool), np.arange(ROWS) >= harms)
    costs = np.array([cost_ms])
    return Alone(
        path=name,
        costs=costs,
        tune=ChainOnTune([()], [view], reference, costs, ends_with_reference=not harms),
        otherwise_ms=REFERENCE_MS,
    )


CHEAP = alone("cheap", 0.5, harms=2)
SAFE = alone("safe", 0.9, harms=0)


def test_a_first_choice_that_may_fail_costs_what_the_last_resort_does_where_it_fails() -> None:
    first, second = in_order([SAFE, CHEAP], PROMISE)
    assert (first.name, second.name) == ("cheap", "safe")
    certified = (SAFE.costs[0] - first.predicted_cost_ms) / (SAFE.costs[0] - CHEAP.costs[0])
    assert 0.5 < certified < 1
    assert second.predicted_cost_ms == pytest.approx(SAFE.costs[0])
    with_nothing_to_fall_back_on = CHEAP.tune.plan(PROMISE, REFERENCE_MS).expected_cost_ms
    assert with_nothing_to_fall_back_on > second.predicted_cost_ms


def test_one_that_will_hardly_be_certified_comes_after_the_reference_path() -> None:
    names = [ladder.name for ladder in in_order([alone("hopeless", 0.5, harms=40), SAFE], PROMISE)]
    assert names == ["safe", "hopeless"]


def test_no_ladder_beyond_the_gate_on_size_comes_before_one_that_keeps_to_it() -> None:
    large = replace(alone("large", 0.1, harms=0), fits=False)
    names = [ladder.name for ladder in in_order([large, SAFE, CHEAP], PROMISE)]
    assert names == ["cheap", "safe", "large"]


def test_a_first_choice_leaves_the_last_resort_a_share_of_delta() -> None:
    (first, most), (last, rest) = tries(in_order([SAFE, CHEAP], PROMISE), PROMISE.delta)
    assert (first.name, last.name) == ("cheap", "safe")
    assert most + rest == pytest.approx(PROMISE.delta)
    assert most > rest > 0


def test_the_reference_path_has_all_of_delta_where_it_is_the_first_choice() -> None:
    (only,) = tries(in_order([SAFE, alone("hopeless", 0.5, harms=40)], PROMISE), PROMISE.delta)
    assert only == (only[0], PROMISE.delta)
    assert only[0].name == "safe"


@pytest.mark.parametrize("noise", [0.99, 1.0, 1.01])
def test_noise_in_the_costs_does_not_exchange_ladders_that_cost_about_as_much(noise: float) -> None:
    first, second = alone("first", 0.50, harms=2), alone("second", 0.50 * noise, harms=2)
    assert [ladder.name for ladder in in_order([first, second, SAFE], PROMISE)] == ["first", "second", "safe"]
    safe, also = alone("safe", 0.9, harms=0), alone("also safe", 0.9 * noise, harms=0)
    assert [ladder.name for ladder in in_order([safe, also], PROMISE)] == ["safe", "also safe"]


def test_what_clearly_costs_less_comes_first_whatever_the_order() -> None:
    names = [ladder.name for ladder in in_order([alone("dear", 0.9, harms=0), alone("cheap", 0.8, harms=0)], PROMISE)]
    assert names == ["cheap", "dear"]
