"""The bundle on the gate rows, by itself and beside the champion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.bundle import TOKENIZER_FILE, read_manifest
from engine.classification.model import open_ladder
from engine.classification.router_files import load_router
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.bundles.comparison import Answered, comparison
from tasks.bundles.loading import load_bundle
from tasks.bundles.place import bundle_of
from tasks.data.duplicates import count_leaking_rows
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.recipe import Target
from tasks.records import (
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    Figure,
    Interval,
    PathEvaluation,
    RouterResult,
    SliceAccuracy,
    SnapshotResult,
)
from tasks.records.figures import share
from tasks.statistics.binomial import exact_interval
from tasks.statistics.paired_test import paired_test

from .calibrate import answered
from .graphs import QUICK


def evaluate(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    compression: Artifact[CompressionResult],
    *,
    epsilon: float,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> EvaluationResult:
    """As it serves, and each path by itself; the reference path is the ladder's last."""
    del compression, workspace
    rows, bundle = read_rows(snapshot, "gate"), bundle_of(router)
    answers = load_bundle(bundle, target).predict([row.text for row in rows])
    labels, routed = np.array([row.label for row in rows]), np.array([answer.label for answer in answers])
    stopped, right = np.array([answer.path for answer in answers]), routed == labels
    manifest = read_manifest(bundle)
    tokenizer = TextTokenizer(bundle / TOKENIZER_FILE, manifest.max_length)
    ladder, rules = open_ladder(bundle, manifest, threads=target.threads), load_router(bundle).rules
    views, said = answered(ladder, rules, tokenizer, rows, manifest.labels)
    reference = views[-1].right

    def interval(correct: NDArray[np.bool_]) -> Interval:
        return exact_interval(int(correct.sum()), len(correct), confidence)

    return EvaluationResult(
        rows=len(rows),
        accuracy=interval(right),
        reference_accuracy=interval(reference),
        static_accuracy=interval(reference),
        reference=paired_test(reference, right, epsilon, confidence),
        disagreement=interval(said[-1] != routed),
        slices=(),
        classes=tuple(
            SliceAccuracy(name=str(name), accuracy=interval(right[labels == name])) for name in np.unique(labels)
        ),
        paths=tuple(
            PathEvaluation(
                name=path.name,
                accuracy=interval(view.right),
                stop_share=float((stopped == path.name).mean()),
                accuracy_when_stopped=None,
                cost_ms=path.cumulative_ms,
            )
            for path, view in zip(router.result.paths, views, strict=True)
        ),
        leaking_rows=count_leaking_rows({split: read_rows(snapshot, split) for split in SPLITS}, similarity=1.0),
        figures=(_quick_share(stopped, confidence),),
        unanswered={"gate": sum(answer.error is not None for answer in answers)},
    )


def compare(
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
    """Both bundles on the same rows."""
    rows = read_rows(snapshot, "gate")
    theirs, ours = (_answered(bundle, rows, target) for bundle in (champion, bundle_of(router)))
    return comparison(rows, theirs, ours, name=name, version=version, confidence=confidence, out=workspace.out)


def _answered(bundle: Path, rows: Sequence[Row], target: Target) -> Answered:
    answers = [answer.label for answer in load_bundle(bundle, target).predict([row.text for row in rows])]
    return Answered(bundle, answers, np.array([answer == row.label for answer, row in zip(answers, rows, strict=True)]))


def _quick_share(stopped: NDArray[np.str_], confidence: float) -> Figure:
    quick = stopped == QUICK
    measured = exact_interval(int(quick.sum()), len(quick), confidence)
    return share("quick_share", "questions that the quick path answered", measured, headline=("value",))
