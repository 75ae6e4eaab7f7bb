"""Fit what the router needs to read each path, on tune: evidence weights, out-of-scope scorer, stop score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.classification.confidence import FEATURES, Confidence
from engine.classification.out_of_scope import EmbeddingSpace, OutOfScopeScorer
from engine.classification.router import PathRule, Reading, pooled
from tasks.certification.stop_score import cross_fitted_scores, fit_stop_score
from tasks.families.classification.routing.answers import PathAnswers, SplitAnswers
from tasks.families.classification.routing.evidence_weights import fit_weights
from tasks.families.classification.routing.out_of_scope import fit_scorer, fit_space
from tasks.families.classification.routing.views import ReadSplit, read, read_rows_of_path

OUT_OF_SCOPE_SHARE: Final = 0.1
"""The least share of the weight that out-of-scope tune rows get in the fit of the stop score, however few they are."""
EARLY_REJECTIONS: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25)
"""Shares of in-scope rows that may not stop at a path without an embedding, because of their out-of-scope score."""
USUAL_EARLY_REJECTION: Final = 0.1
FEWEST_OUT_OF_SCOPE_ROWS: Final = 20
MOST_LEAKING: Final = 0.05
"""Share of out-of-scope tune rows that the limit may let through; with fewer rows than that, the usual limit holds."""


@dataclass(frozen=True)
class FittedPath:
    """One path's rule, costs still 0, and what it says of every tune row; `stop_scores` (tune rows,), cross-fitted."""

    rule: PathRule
    readings: list[Reading]
    stop_scores: NDArray[np.float64]


@dataclass(frozen=True)
class FittedRules:
    """The paths of a ladder in order."""

    paths: tuple[FittedPath, ...]

    def rules(self, cumulative: NDArray[np.float64]) -> tuple[PathRule, ...]:
        """One rule per path; `cumulative` (paths,): summed costs up to each."""
        return tuple(replace(path.rule, cost_ms=float(cost)) for path, cost in zip(self.paths, cumulative, strict=True))

    def view(self, truth: NDArray[np.int64]) -> ReadSplit:
        """Tune as the router sees it, with cross-fitted stop scores; `truth`: (tune rows,)."""
        return read([path.readings for path in self.paths], truth).with_stop_scores(
            np.stack([path.stop_scores for path in self.paths])
        )


def fit_spaces(train: SplitAnswers, *, neighbours_from: int) -> list[EmbeddingSpace | None]:
    """One space per path, from in-scope train rows; None for a path without embedding.

    `neighbours_from`: number of the first path whose space has neighbours: they cost too much at the early ones.
    """
    trained = train.in_scope
    return [
        None
        if path.embeddings is None
        else fit_space(path.embeddings[trained], train.truth[trained], neighbours=number >= neighbours_from)
        for number, path in enumerate(train.paths)
    ]


def fit_rules(
    spaces: Sequence[EmbeddingSpace | None],
    tune: SplitAnswers,
    reference_right: NDArray[np.bool_] | None,
    out_of_scope_id: int | None,
    false_rejection: float,
    *,
    last_carries: bool = True,
    known: Sequence[FittedPath] = (),
) -> FittedRules:
    """Path by path along the ladder, with one embedding space each.

    `reference_right`: (tune rows,), None for a ladder of the reference path alone. `last_carries`: whether the evidence
    before it counts at the last path. `known`: the first paths, where they have been fitted already as early ones.
    """
    paths = list(known)
    for number in range(len(known), len(tune.paths)):
        last = number == len(tune.paths) - 1
        space, own = spaces[number], tune.paths[number]
        before = paths[-1].readings if paths else None
        carried = np.stack([reading.scores for reading in before]) if before and (last_carries or not last) else None
        own_weight, carried_weight = fit_weights(own.logits, carried, tune.truth)
        rule = PathRule(
            name=own.name,
            cost_ms=0.0,
            scorer=_scorer(space, own, tune, carried, (own_weight, carried_weight), out_of_scope_id, false_rejection),
            coefficients=(0.0,) * len(FEATURES),
            intercept=0.0,
            own_weight=own_weight,
            carried_weight=carried_weight,
        )
        readings = read_rows_of_path(rule, own, tune, before, out_of_scope_id)
        if own.embeddings is None and not last:
            rule = replace(rule, early_limit=early_limit([row.out_of_scope for row in readings], tune.in_scope))
            readings = read_rows_of_path(rule, own, tune, before, out_of_scope_id)
        scores = np.zeros(len(tune.truth))
        if not last and reference_right is not None:
            rule, scores = _with_stop_score(rule, readings, tune, reference_right)
        paths.append(FittedPath(rule, readings, scores))
    return FittedRules(tuple(paths))


def early_limit(scores: Sequence[float], in_scope: NDArray[np.bool_]) -> float:
    """The highest out-of-scope score with which a row may stop early; `scores`, `in_scope`: (tune rows,)."""
    outside = np.asarray(scores)[~in_scope]
    if len(outside) < FEWEST_OUT_OF_SCOPE_ROWS:
        return 1 - USUAL_EARLY_REJECTION
    enough = [rejected for rejected in EARLY_REJECTIONS if (outside <= 1 - rejected).mean() <= MOST_LEAKING]
    return 1 - (enough[0] if enough else EARLY_REJECTIONS[-1])


def _scorer(
    space: EmbeddingSpace | None,
    own: PathAnswers,
    tune: SplitAnswers,
    carried: NDArray[np.float32] | None,
    weights: tuple[float, float],
    out_of_scope_id: int | None,
    false_rejection: float,
) -> OutOfScopeScorer:
    scores = pooled(own.logits, weights[0], own.logits if carried is None else carried, weights[1])
    inside = tune.in_scope
    said = [Confidence.of(row, out_of_scope_id) for row in scores[inside]]
    embeddings = None if own.embeddings is None else own.embeddings[inside]
    return fit_scorer(said, embeddings, space, false_rejection, reads_label=out_of_scope_id is not None)


def _with_stop_score(
    rule: PathRule, readings: Sequence[Reading], tune: SplitAnswers, reference_right: NDArray[np.bool_]
) -> tuple[PathRule, NDArray[np.float64]]:
    features = np.array([reading.features for reading in readings])
    labels = np.array([reading.label for reading in readings])
    used = ~np.array([reading.flagged for reading in readings])
    harm = reference_right & (labels != tune.truth)
    outside = int((~tune.in_scope).sum())
    weight = max(1.0, OUT_OF_SCOPE_SHARE / (1 - OUT_OF_SCOPE_SHARE) * (len(labels) - outside) / max(outside, 1))
    weights = np.where(tune.in_scope, 1.0, weight)
    coefficients, intercept = fit_stop_score(features[used], harm[used], weights[used])
    scores = cross_fitted_scores(features, harm, weights, used)
    return replace(rule, coefficients=tuple(coefficients.tolist()), intercept=intercept), scores
