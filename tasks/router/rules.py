"""Fit what the router needs to read each path: its out-of-scope scorer and its stop score."""

import numpy as np
from numpy.typing import NDArray

from engine.confidence import FEATURES, router_features, softmax
from engine.out_of_scope import OutOfScopeScorer
from engine.router import PathRule
from tasks.router.answers import ABSTAIN, PathAnswers, SplitAnswers
from tasks.router.material import Answered
from tasks.router.out_of_scope import fit_scorer
from tasks.router.stop_score import fit_stop_score


def fit_reference_rule(train: Answered, tune: Answered, false_rejection: float) -> PathRule:
    """The reference path has an out-of-scope scorer, and no stop score: nothing comes after it."""
    in_scope = tune.ladder.in_scope
    scorer = fit_scorer(train.reference, train.ladder.truth, tune.reference, in_scope, false_rejection)
    return PathRule(tune.reference.name, 0.0, scorer, np.zeros(len(FEATURES)), 0.0)


def fit_rules(
    train: SplitAnswers,
    tune: SplitAnswers,
    reference_right: NDArray[np.bool_],
    out_of_scope_id: int | None,
    false_rejection: float,
) -> list[PathRule]:
    """One rule per path of the ladder, without costs yet. `reference_right`: (tune rows,)."""
    previous = np.full(len(tune.truth), ABSTAIN)
    rules = []
    for own_train, own_tune in zip(train.paths, tune.paths, strict=True):
        scorer = fit_scorer(own_train, train.truth, own_tune, tune.in_scope, false_rejection)
        coefficients, intercept, previous = _stop_score(
            own_tune, scorer, tune, previous, reference_right, out_of_scope_id
        )
        rules.append(PathRule(own_tune.name, 0.0, scorer, coefficients, intercept))
    return rules


def _stop_score(
    path: PathAnswers,
    scorer: OutOfScopeScorer,
    tune: SplitAnswers,
    previous: NDArray[np.int64],
    reference_right: NDArray[np.bool_],
    out_of_scope_id: int | None,
) -> tuple[NDArray[np.float64], float, NDArray[np.int64]]:
    probabilities = softmax(path.logits)
    score = scorer.score(path.logits, path.embeddings)
    features = router_features(probabilities, previous, score, tune.tokens)
    labels = probabilities.argmax(axis=-1)
    may_stop = score <= scorer.threshold
    if out_of_scope_id is not None:
        may_stop &= labels != out_of_scope_id
    harm = reference_right & (labels != tune.truth)
    coefficients, intercept = fit_stop_score(features[may_stop], harm[may_stop])
    return coefficients, intercept, labels
