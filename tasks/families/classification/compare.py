"""Compare the bundle with the champion: both answer the same gate rows, and an exact paired test counts harms and gains.

The champion may know other labels than the data has now; answers are compared by the labels' names.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tasks.artifact import Artifact, Workspace
from tasks.bundles.comparison import Answered, compare_on_gate
from tasks.bundles.loading import load_bundle
from tasks.data.rows import Row
from tasks.families.classification.routing.answers import ABSTAIN, truth_ids
from tasks.recipe.target import Target
from tasks.records import ChampionComparison, RouterResult, SnapshotResult


def compare_with_champion(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    champion: Path,
    *,
    name: str,
    version: int,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> ChampionComparison:
    """Both bundles on the gate rows: see compare_on_gate. Raises BundleError for a champion that the engine does not load."""
    answered = partial(_answered, data=snapshot.result, target=target)
    return compare_on_gate(
        snapshot, router, champion, answered, name=name, version=version, confidence=confidence, workspace=workspace
    )


def _answered(bundle: Path, rows: Sequence[Row], *, data: SnapshotResult, target: Target) -> Answered:
    expected = _expected(rows, data)
    answers = load_bundle(bundle, target).predict([row.text for row in rows])
    # A row that cannot be asked has no label either, but that is no abstention.
    right = [answer.error is None and answer.label == label for answer, label in zip(answers, expected, strict=True)]
    return Answered(bundle, [answer.label for answer in answers], np.array(right, dtype=np.bool_))


def _expected(rows: Sequence[Row], data: SnapshotResult) -> list[str | None]:
    """The right label of each row; None where a model has to abstain."""
    truth = truth_ids(rows, data.labels, data.out_of_scope_label)
    return [None if label == ABSTAIN else row.label for row, label in zip(rows, truth, strict=True)]
