"""Evaluate a generation bundle on the gate rows: the routed answers as they serve, every path alone, the reference path.

The gate rows were seen by no search. A completion is right as the recipe's `data.correct` says; what it has of the gold one
where it need not be right as a whole is told by token F1 and ROUGE-L.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.answer_json import is_json
from engine.generation.completion import Completion
from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact, Workspace
from tasks.bundles.place import bundle_of
from tasks.data.completions import Correctness, is_correct, normal_form
from tasks.data.duplicates import count_leaking_rows
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.families.generation.decoders.greedy import GreedyDecoder, can_be_asked
from tasks.families.generation.figures import decoding_figures, json_figure, overlap_figures
from tasks.families.generation.routing.bundling import load_generation_bundle
from tasks.families.generation.rows.text_scores import rouge_l, token_f1
from tasks.recipe.target import Target
from tasks.records import (
    CompressionResult,
    EvaluationResult,
    Interval,
    PathEvaluation,
    RouterResult,
    SliceAccuracy,
    SnapshotResult,
)
from tasks.statistics.binomial import exact_interval
from tasks.statistics.bootstrap import bootstrap_bounds
from tasks.statistics.paired_test import paired_test

LEAK_SIMILARITY: Final = 1.0
Flags = NDArray[np.bool_]


def evaluate_generation(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    compression: Artifact[CompressionResult],
    *,
    correct: Correctness,
    epsilon: float,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> EvaluationResult:
    """Judge the routed answers on the gate rows, with exact intervals at `confidence`.

    The static model is the full one as it was quantized, decoded greedily token by token.
    """
    rows = read_rows(snapshot, "gate")
    bundle = bundle_of(router)
    judge = _Judge(rows, correct, confidence)
    workspace.progress(f"routed answers on {len(rows)} gate rows", 0.0)
    served = load_generation_bundle(bundle, target).predict([row.text for row in rows])
    answers = [completion.text for completion in served]
    right = judge.right(answers) & np.array([completion.error is None for completion in served])

    workspace.progress("every path alone, the reference path and the static model", 0.3)
    settings = GenerationSettings.load(bundle)
    result = compression.result
    folders = {name: compression.folder / name for name in (result.reference_monolith, result.static_monolith)}
    folders |= {path.name: bundle / path.name for path in router.result.paths}  # the same decoders under the same names
    decoders = {name: GreedyDecoder.open(folder, settings, target, bundle) for name, folder in folders.items()}
    alone = {name: _greedy(decoder, rows) for name, decoder in decoders.items()}
    reference, static = alone[result.reference_monolith], alone[result.static_monolith]
    reference_right = judge.right(reference)

    workspace.progress("confidence bounds and perplexities", 0.8)
    own_path = [
        alone[completion.path][row] if completion.error is None else "" for row, completion in enumerate(served)
    ]
    identical = np.array([answer == greedy for answer, greedy in zip(answers, own_path, strict=True)], dtype=np.bool_)
    paths = [decoders[path.name] for path in router.result.paths]
    pairs = [(row.label, answer) for row, answer in zip(rows, answers, strict=True)]
    valid = [is_json(answer) for gold, answer in pairs if is_json(gold)]
    return EvaluationResult(
        rows=len(rows),
        accuracy=judge.interval(right),
        reference_accuracy=judge.interval(reference_right),
        static_accuracy=judge.interval(judge.right(static)),
        reference=paired_test(reference_right, right, epsilon, confidence),
        disagreement=judge.interval(judge.differ(answers, reference)),
        slices=judge.slices(right),
        classes=(),
        paths=_paths(router.result, judge, alone, served, right),
        leaking_rows=count_leaking_rows(
            {split: read_rows(snapshot, split) for split in SPLITS},
            similarity=LEAK_SIMILARITY,
            form=partial(normal_form, correct),
        ),
        unanswered={
            "certify": sum(not can_be_asked(paths, row.text) for row in read_rows(snapshot, "certify")),
            "gate": sum(completion.error is not None for completion in served),
        },
        figures=(
            *overlap_figures(
                judge.bounded_mean([token_f1(gold, answer) for gold, answer in pairs]),
                judge.bounded_mean([rouge_l(gold, answer) for gold, answer in pairs]),
                rows=len(rows),
                confidence=confidence,
            ),
            json_figure(judge.interval(np.array(valid)) if valid else None),
            *decoding_figures(
                perplexity=decoders[result.reference_monolith].perplexity(rows),
                served_perplexity=paths[-1].perplexity(rows),
                identical=judge.interval(identical),
                mean_tokens=float(np.mean([completion.tokens for completion in served])),
                rows=len(rows),
            ),
        ),
    )


class _Judge:
    """What is right on the gate rows, and how sure that is."""

    def __init__(self, rows: Sequence[Row], correct: Correctness, confidence: float) -> None:
        self.rows, self.correct, self.confidence = rows, correct, confidence

    def right(self, answers: Sequence[str]) -> Flags:
        """(rows,) whether each answer is right."""
        pairs = zip(self.rows, answers, strict=True)
        return np.array([is_correct(self.correct, row.label, answer) for row, answer in pairs], dtype=np.bool_)

    def differ(self, answers: Sequence[str], others: Sequence[str]) -> Flags:
        """(rows,) whether two answers could be right and wrong: they say different things."""
        pairs = zip(answers, others, strict=True)
        return np.array([not is_correct(self.correct, other, answer) for answer, other in pairs], dtype=np.bool_)

    def interval(self, flags: Flags) -> Interval:
        """The share of rows."""
        return exact_interval(int(flags.sum()), len(flags), self.confidence)

    def slices(self, right: Flags) -> tuple[SliceAccuracy, ...]:
        """Accuracy by slice."""
        present = np.array([row.slice or "" for row in self.rows])
        return tuple(
            SliceAccuracy(name=str(name), accuracy=self.interval(right[present == name]))
            for name in np.unique(present)
            if name
        )

    def bounded_mean(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean over the rows and its lower confidence bound."""
        drawn = np.array(values)
        low, _ = bootstrap_bounds(lambda rows: float(drawn[rows].mean()), len(drawn), self.confidence)
        return float(drawn.mean()), low


def _greedy(decoder: GreedyDecoder, rows: Sequence[Row]) -> list[str]:
    """Answers of one decoder token by token."""
    return [decoder.text(answer) for answer in decoder.answers(rows)]


def _paths(
    router: RouterResult,
    judge: _Judge,
    alone: Mapping[str, Sequence[str]],
    served: Sequence[Completion],
    right: Flags,
) -> tuple[PathEvaluation, ...]:
    answered_by = np.array([completion.path for completion in served])
    evaluations = []
    for path in router.paths:
        own = answered_by == path.name
        evaluations.append(
            PathEvaluation(
                name=path.name,
                accuracy=judge.interval(judge.right(alone[path.name])),
                stop_share=float(own.mean()),
                accuracy_when_stopped=float(right[own].mean()) if own.any() else None,
                cost_ms=path.cumulative_ms,
            )
        )
    return tuple(evaluations)
