"""Compare a generation bundle with the champion: both complete the same gate prompts, as they serve."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tasks.artifact import Artifact, Workspace
from tasks.bundles.comparison import Answered, compare_on_gate
from tasks.data.completions import Correctness, is_correct
from tasks.data.rows import Row
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
    """Both bundles on the gate rows: see compare_on_gate. Raises BundleError for a champion that the engine does not load."""
    answered = partial(_answered, correct=correct, target=target)
    return compare_on_gate(
        snapshot, router, champion, answered, name=name, version=version, confidence=confidence, workspace=workspace
    )


def _answered(bundle: Path, rows: Sequence[Row], *, correct: Correctness, target: Target) -> Answered:
    """An answer that the engine refuses to give is none, and wrong."""
    answers = [answer.label for answer in load_generation_bundle(bundle, target).predict([row.text for row in rows])]
    right = [
        answer is not None and is_correct(correct, row.label, answer) for row, answer in zip(rows, answers, strict=True)
    ]
    return Answered(bundle, answers, np.array(right, dtype=np.bool_))
