"""Which ladder is certified: churn against the reference path costs, and something certifiable is always left."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from tasks.artifact import Workspace
from tasks.families.classification.routing import ladders
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.schema import RouterConfig
from tasks.timing.speed import AS_FAST


@pytest.mark.slow
def test_the_candidates_of_a_real_run_are_compared_and_one_is_chosen(tiny) -> None:
    compared = tiny.router.result.candidates
    variants = {candidate.name.partition(", ")[2] for candidate in compared}
    assert variants == {ladders.CARRIES, ladders.ALONE, ladders.REFERENCE_LAST}
    assert sum(candidate.chosen for candidate in compared) == 1
    costs = [c.predicted_cost_ms if c.predicted_cost_ms is not None else np.inf for c in compared]
    assert all(before <= after * AS_FAST for before, after in itertools.pairwise(costs))


@pytest.mark.slow
def test_no_ladder_beyond_the_gate_on_size_is_tried_before_one_that_keeps_to_it(tiny, tmp_path: Path) -> None:
    from tasks.families.classification.calibrate import calibrate_router

    compression, free = tiny.compression, tiny.router.result
    reference_mb = (compression.folder / compression.result.reference_monolith).stat().st_size / 1e6
    without_mb = free.size_mb - reference_mb * (free.paths[-1].name == "reference")
    limit_mb = without_mb + reference_mb / 2
    workspace = Workspace(tmp_path / "out", tmp_path / "scratch")
    workspace.out.mkdir()
    result = calibrate_router(
        tiny.snapshot,
        compression,
        tiny.export,
        tiny.lexical,
        name="tiny",
        recipe=BundledRecipe.of(RouterConfig(max_accuracy_loss=0.02), tiny.data, limit_mb),
        target=tiny.target,
        attempt=1,
        workspace=workspace,
    )
    fits = [candidate.fits for candidate in result.candidates]
    assert fits == sorted(fits, reverse=True)
    assert {candidate.name.partition(", ")[2] for candidate in result.candidates if not candidate.fits} == {
        ladders.REFERENCE_LAST
    }
    (chosen,) = (candidate for candidate in result.candidates if candidate.chosen)
    assert chosen.fits == (result.size_mb <= limit_mb)
