"""Which ladder is certified: churn against the reference path costs, and something certifiable is always left."""

import numpy as np
import pytest

from tasks.router import ladders


@pytest.mark.slow
def test_the_candidates_of_a_real_run_are_compared_and_one_is_chosen(tiny) -> None:
    compared = tiny.router.result.candidates
    variants = {candidate.name.partition(", ")[2] for candidate in compared}
    assert variants == {ladders.CARRIES, ladders.ALONE, ladders.REFERENCE_LAST}
    assert sum(candidate.chosen for candidate in compared) == 1
    costs = [c.predicted_cost_ms if c.predicted_cost_ms is not None else np.inf for c in compared]
    assert costs == sorted(costs)
