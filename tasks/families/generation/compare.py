"""Compare a generation bundle with the champion: both complete the same gate prompts, as they serve."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks.artifact import Artifact, Workspace
from tasks.bundles.comparison import Answered, comparison
from tasks.bundles.place import bundle_of
from tasks.data.completions import Correctness, is_correct
from tasks.data.rows import Row, read_rows
from tasks.families.generation.routing.bundling import load_generation_bundle
from tasks.recipe.target import Target
from tasks.records import ChampionComparison, RouterResult, SnapshotResult


def compare_generation_with_champion(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    champion: Path,
    *,
    name: str,
    version: int,
    correct: Correctness,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> ChampionComparison:
    """Both bundles on the gate rows; intervals and test at `confidence`.

    `champion` is the bundle of version `version` of the registered model `name`. Leaves `differences.jsonl` in
    `workspace.out`. Raises BundleError for a champion that the engine does not load.
    """
    rows = read_rows(snapshot, "gate")
    workspace.progress(f"the champion, version {version}, on {len(rows)} gate rows", 0.0)
    theirs = _answered(champion, rows, correct, target)
    workspace.progress(f"the new bundle on {len(rows)} gate rows", 0.5)
    ours = _answered(bundle_of(router), rows, correct, target)
    return comparison(rows, theirs, ours, name=name, version=version, confidence=confidence, out=workspace.out)


def _answered(bundle: Path, rows: Sequence[Row], correct: Correctness, target: Target) -> Answered:
    """An answer that the engine refuses to give is none, and wrong."""
    answers = [answer.label for answer in load_generation_bundle(bundle, target).predict([row.text for row in rows])]
    right = [
        answer is not None and is_correct(correct, row.label, answer) for row, answer in zip(rows, answers, strict=True)
    ]
    return Answered(bundle, answers, np.array(right, dtype=np.bool_))
