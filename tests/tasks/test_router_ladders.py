"""Which ladder is certified: churn against the reference path costs, and something certifiable is always left."""

import numpy as np
import pytest

from tasks.router import ladders
from tasks.router.chain import PathView
from tasks.router.views import ReadSplit


def predicted(harms: int, gains: int, *, rows: int = 1000, certify_rows: int = 2000) -> float:
    """Cost of a ladder of one path with so many harms and gains on tune."""
    reference = np.ones(rows, bool)
    right = np.ones(rows, bool)
    right[:harms] = False
    reference[rows - gains :] = False
    view = PathView(np.zeros(rows), np.ones(rows, bool), right)
    split = ReadSplit((view,), np.zeros((1, rows), np.int64), np.zeros((1, rows)))
    return ladders._predicted_cost(split, reference, [()], np.array([3.0]), certify_rows, 0.01, 0.05)


def test_a_ladder_that_answers_as_the_reference_does_is_certifiable() -> None:
    assert predicted(0, 0) == 3


def test_harms_that_gains_make_up_for_still_count() -> None:
    assert predicted(16, 16) == np.inf


def test_gains_beyond_the_harms_do_not_help() -> None:
    assert predicted(16, 40) == np.inf


def test_few_certify_rows_certify_nothing() -> None:
    assert predicted(0, 0, certify_rows=200) == np.inf


@pytest.mark.slow
def test_the_candidates_of_a_real_run_are_compared_and_one_is_chosen(tiny) -> None:
    compared = tiny.router.result.candidates
    variants = {candidate.name.partition(", ")[2] for candidate in compared}
    assert variants == {ladders.CARRIES, ladders.ALONE, ladders.REFERENCE_LAST}
    assert sum(candidate.chosen for candidate in compared) == 1
    costs = [c.predicted_cost_ms if c.predicted_cost_ms is not None else np.inf for c in compared]
    assert costs == sorted(costs)
