"""Fit what the router needs to read each path, on tune: evidence weights, out-of-scope scorer, stop score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.confidence import FEATURES, Confidence
from engine.out_of_scope import OutOfScopeScorer
from engine.router import PathRule, Reading
from tasks.router.answers import ABSTAIN, PathAnswers, SplitAnswers
from tasks.router.evidence import fit_weights
from tasks.router.out_of_scope import fit_scorer, fit_space
from tasks.router.stop_score import cross_fitted_scores, fit_stop_score
from tasks.router.views import read_rows_of_path

OUT_OF_SCOPE_SHARE: Final = 0.1
"""The least share of the weight that out-of-scope tune rows get in the fit of the stop score, however few they are."""
LEXICAL_EARLY_REJECTION: Final = 0.1
"""Share of in-scope rows that may not stop at a path without an embedding because of their out-of-scope score."""


@dataclass(frozen=True)
class FittedRules:
    """One rule per path, costs still 0; `stop_scores`: (paths, tune rows), cross-fitted."""

    rules: tuple[PathRule, ...]
    stop_scores: NDArray[np.float64]


def fit_rules(
    train: SplitAnswers,
    tune: SplitAnswers,
    reference_right: NDArray[np.bool_] | None,
    out_of_scope_id: int | None,
    false_rejection: float,
    *,
    last_carries: bool = True,
) -> FittedRules:
    """Path by path along the ladder. `reference_right`: (tune rows,), None for a ladder of the reference path alone.

    `last_carries`: whether the evidence before it counts at the last path.
    """
    rules: list[PathRule] = []
    stop_scores = []
    before: list[Reading] | None = None
    for number, (own_train, own) in enumerate(zip(train.paths, tune.paths, strict=True)):
        last = number == len(tune.paths) - 1
        carried = np.stack([reading.scores for reading in before]) if before and (last_carries or not last) else None
        own_weight, carried_weight = fit_weights(own.logits, carried, tune.truth)
        rule = PathRule(
            name=own.name,
            cost_ms=0.0,
            scorer=_scorer(
                own_train,
                train.truth,
                own,
                tune,
                carried,
                own_weight,
                carried_weight,
                out_of_scope_id,
                false_rejection,
                last,
            ),
            coefficients=(0.0,) * len(FEATURES),
            intercept=0.0,
            own_weight=own_weight,
            carried_weight=carried_weight,
        )
        if own.embeddings is None and not last:
            rule = replace(rule, early_limit=1 - LEXICAL_EARLY_REJECTION)
        before = read_rows_of_path(rule, own, tune, before, out_of_scope_id)
        if last or reference_right is None:
            stop_scores.append(np.zeros(len(tune.truth)))
        else:
            rule, scores = _with_stop_score(rule, before, tune, reference_right)
            stop_scores.append(scores)
        rules.append(rule)
    return FittedRules(tuple(rules), np.stack(stop_scores))


def _scorer(
    train: PathAnswers,
    train_truth: NDArray[np.int64],
    own: PathAnswers,
    tune: SplitAnswers,
    carried: NDArray[np.float32] | None,
    own_weight: float,
    carried_weight: float,
    out_of_scope_id: int | None,
    false_rejection: float,
    last: bool,
) -> OutOfScopeScorer:
    scores = own.logits * np.float32(own_weight)
    if carried is not None:
        scores = scores + carried * np.float32(carried_weight)
    inside = tune.in_scope
    energies = np.array([Confidence.of(row, out_of_scope_id).energy for row in scores[inside]])
    if train.embeddings is None or own.embeddings is None:
        return fit_scorer(energies, None, None, false_rejection)
    trained = train_truth != ABSTAIN
    space = fit_space(train.embeddings[trained], train_truth[trained], neighbours=last)
    return fit_scorer(energies, own.embeddings[inside], space, false_rejection)


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
