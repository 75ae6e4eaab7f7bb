"""Evaluate the bundle on the gate rows: the routed model as it serves, every path alone, and the reference path.

The gate rows were seen by no search. An out-of-scope row is answered right by abstaining.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import REFERENCE_FOLDER, TOKENIZER_FILE, read_manifest
from engine.classification.ladder import EncoderPath
from engine.classification.model import open_ladder
from engine.classification.router_files import load_router
from engine.prediction import Prediction
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.bundles.loading import load_bundle
from tasks.bundles.place import bundle_of
from tasks.data.duplicates import count_leaking_rows
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.families.classification.figures import (
    calibration_figure,
    in_scope_figure,
    macro_f1_figure,
    out_of_scope_figures,
)
from tasks.families.classification.routing.answers import ABSTAIN, SplitAnswers, answer_rows, truth_ids
from tasks.families.classification.routing.gathering import REFERENCE
from tasks.families.classification.routing.views import ReadSplit, read_split
from tasks.recipe.target import Target
from tasks.records import (
    CompressionResult,
    EvaluationResult,
    Figure,
    Interval,
    PathEvaluation,
    RouterResult,
    SliceAccuracy,
    SnapshotResult,
)
from tasks.statistics.binomial import exact_interval
from tasks.statistics.bootstrap import bootstrap_bounds
from tasks.statistics.calibration_error import ExpectedCalibrationError, expected_calibration_error
from tasks.statistics.macro_f1 import MacroF1, macro_f1
from tasks.statistics.out_of_scope import auroc, false_positive_rate_at_recall
from tasks.statistics.paired_test import paired_test

LEAK_SIMILARITY: Final = 1.0
_NO_ANSWER: Final = ABSTAIN - 1
"""Of a row that could not be asked: never right, least of all where abstaining is."""
MetricInterval = Callable[[NDArray[np.bool_]], Interval]


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
    """Judge the routed answers on the gate rows, with exact intervals at `confidence`."""
    data = snapshot.result
    rows = read_rows(snapshot, "gate")
    truth = truth_ids(rows, data.labels, data.out_of_scope_label)
    workspace.progress(f"routed answers on {len(rows)} gate rows", 0.0)
    bundle = bundle_of(router)
    model = load_bundle(bundle, target)
    predictions = model.predict([row.text for row in rows])
    answers = _answer_ids(predictions, data.labels)
    right = answers == truth

    workspace.progress("every path alone, the reference path and the static model", 0.4)
    ladder = _every_path(bundle, rows, data, target)
    reference = _monolith(compression.folder / compression.result.reference_monolith, router, rows, data, target)
    static = _monolith(compression.folder / compression.result.static_monolith, router, rows, data, target)
    in_scope = truth != ABSTAIN

    def interval(correct: NDArray[np.bool_]) -> Interval:
        return exact_interval(int(correct.sum()), len(correct), confidence)

    workspace.progress("confidence bounds", 0.8)
    confidences = np.array([prediction.confidence for prediction in predictions])
    return EvaluationResult(
        rows=len(rows),
        accuracy=interval(right),
        reference_accuracy=interval(reference == truth),
        static_accuracy=interval(static == truth),
        reference=paired_test(reference == truth, right, epsilon, confidence),
        disagreement=interval(answers != reference),
        slices=_groups([row.slice for row in rows], right, interval),
        classes=_groups([row.label for row in rows], right, interval),
        paths=_paths(router.result, ladder, predictions, right, interval),
        leaking_rows=count_leaking_rows(
            {split: read_rows(snapshot, split) for split in SPLITS}, similarity=LEAK_SIMILARITY
        ),
        figures=(
            in_scope_figure(interval(right[in_scope]), interval((reference == truth)[in_scope])),
            _macro_f1(answers, truth, confidence),
            _calibration_error(answers, truth, confidences, confidence),
            *_out_of_scope(predictions, ladder, in_scope, model.paths[-1], data.out_of_scope_label, confidence),
        ),
        unanswered={"gate": sum(prediction.error is not None for prediction in predictions)},
    )


def _answer_ids(predictions: Sequence[Prediction], labels: Sequence[str]) -> NDArray[np.int64]:
    ids = {label: index for index, label in enumerate(labels)}
    return np.array([_answer_id(prediction, ids) for prediction in predictions], dtype=np.int64)


def _answer_id(prediction: Prediction, ids: Mapping[str, int]) -> int:
    if prediction.error is not None:
        return _NO_ANSWER
    return ABSTAIN if prediction.label is None else ids[prediction.label]


def _every_path(bundle: Path, rows: Sequence[Row], data: SnapshotResult, target: Target) -> ReadSplit:
    manifest = read_manifest(bundle)
    paths = open_ladder(bundle, manifest, threads=target.threads, execution_provider=target.execution_provider)
    tokenizer = TextTokenizer(bundle / TOKENIZER_FILE, manifest.max_length)
    router = load_router(bundle)
    split = answer_rows(paths, tokenizer, rows, data.labels, data.out_of_scope_label)
    return read_split(split, router.rules, router.out_of_scope_id)


def _monolith(
    graph: Path, router: Artifact[RouterResult], rows: Sequence[Row], data: SnapshotResult, target: Target
) -> NDArray[np.int64]:
    """(rows,) answers of one graph under the reference path's out-of-scope rule."""
    bundle = bundle_of(router)
    session = open_session(graph, threads=target.threads, execution_provider=target.execution_provider)
    tokenizer = TextTokenizer(bundle / TOKENIZER_FILE, read_manifest(bundle).max_length)
    rule = load_router(bundle / REFERENCE_FOLDER)
    split: SplitAnswers = answer_rows(
        (EncoderPath(REFERENCE, session),), tokenizer, rows, data.labels, data.out_of_scope_label
    )
    return read_split(split, rule.rules, rule.out_of_scope_id).answers[0]


def _macro_f1(answers: NDArray[np.int64], truth: NDArray[np.int64], confidence: float) -> Figure:
    low, _ = bootstrap_bounds(lambda drawn: macro_f1(answers[drawn], truth[drawn]), len(truth), confidence)
    value = MacroF1().compute(predictions=answers, references=truth)["macro_f1"]
    return macro_f1_figure(value, low, rows=len(truth), confidence=confidence)


def _calibration_error(
    answers: NDArray[np.int64], truth: NDArray[np.int64], confidences: NDArray[np.float64], confidence: float
) -> Figure:
    """Over the rows that were answered: an abstention states no probability. NaN where none was."""
    answered = answers >= 0

    def resampled(drawn: NDArray[np.int64]) -> float:
        kept = drawn[answered[drawn]]
        return expected_calibration_error(confidences[kept], answers[kept] == truth[kept]) if len(kept) else math.nan

    _, high = bootstrap_bounds(resampled, len(truth), confidence)
    value = math.nan
    if answered.any():
        columns = {"predictions": answers, "references": truth, "confidences": confidences}
        found = ExpectedCalibrationError().compute(**{name: column[answered] for name, column in columns.items()})
        value = float(found["expected_calibration_error"])
    return calibration_figure(value, high, rows=len(truth), confidence=confidence)


def _out_of_scope(
    predictions: Sequence[Prediction],
    ladder: ReadSplit,
    in_scope: NDArray[np.bool_],
    last_path: str,
    label: str | None,
    confidence: float,
) -> tuple[Figure, ...]:
    """How rows outside the labels were treated; nothing was measured where the gate split has none, or no others."""
    outside = ~in_scope
    if not outside.any() or not in_scope.any():
        return out_of_scope_figures(label)
    abstained = np.array([prediction.abstained for prediction in predictions])
    early = np.array([prediction.path != last_path for prediction in predictions])
    scores = ladder.out_of_scope[-1]
    return out_of_scope_figures(
        label,
        recall=exact_interval(int(abstained[outside].sum()), int(outside.sum()), confidence),
        auroc=auroc(scores[in_scope], scores[outside]),
        fpr95=false_positive_rate_at_recall(scores[in_scope], scores[outside], 0.95),
        early_share=float(early[outside].mean()),
        in_scope_rows=int(in_scope.sum()),
    )


def _groups(
    names: Sequence[str | None], right: NDArray[np.bool_], interval: MetricInterval
) -> tuple[SliceAccuracy, ...]:
    present = np.array([name or "" for name in names])
    return tuple(
        SliceAccuracy(name=str(name), accuracy=interval(right[present == name])) for name in np.unique(present) if name
    )


def _paths(
    router: RouterResult,
    ladder: ReadSplit,
    predictions: Sequence[Prediction],
    right: NDArray[np.bool_],
    interval: MetricInterval,
) -> tuple[PathEvaluation, ...]:
    answered_by = np.array([prediction.path for prediction in predictions])
    evaluations = []
    for path, view in zip(router.paths, ladder.views, strict=True):
        own = answered_by == path.name
        evaluations.append(
            PathEvaluation(
                name=path.name,
                accuracy=interval(view.right),
                stop_share=float(own.mean()),
                accuracy_when_stopped=float(right[own].mean()) if own.any() else None,
                cost_ms=path.cumulative_ms,
            )
        )
    return tuple(evaluations)
