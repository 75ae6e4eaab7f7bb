"""Fit what the router needs to read each path: its out-of-scope scorer and its stop score."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.confidence import FEATURES, router_features, softmax
from engine.router import PathRule, read_path
from tasks.router.answers import ABSTAIN, PathAnswers, SplitAnswers
from tasks.router.material import Answered
from tasks.router.out_of_scope import fit_scorer
from tasks.router.stop_score import fit_stop_score
from tasks.router.temperature import fit_temperature


def fit_reference_rule(train: Answered, tune: Answered, false_rejection: float) -> PathRule:
    """The reference path has an out-of-scope scorer, and no stop score: nothing comes after it."""
    in_scope = tune.ladder.in_scope
    scorer = fit_scorer(train.reference, train.ladder.truth, tune.reference, in_scope, false_rejection)
    temperature = fit_temperature(tune.reference.logits, tune.ladder.truth)
    return PathRule(tune.reference.name, 0.0, scorer, np.zeros(len(FEATURES)), 0.0, temperature)


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
        temperature = fit_temperature(own_tune.logits, tune.truth)
        unfitted = PathRule(own_tune.name, 0.0, scorer, np.zeros(len(FEATURES)), 0.0, temperature)
        coefficients, intercept = _stop_score(unfitted, own_tune, tune, previous, reference_right, out_of_scope_id)
        rules.append(replace(unfitted, coefficients=coefficients, intercept=intercept))
        previous = own_tune.logits.argmax(axis=-1)
    return rules


def _stop_score(
    rule: PathRule,
    path: PathAnswers,
    tune: SplitAnswers,
    previous: NDArray[np.int64],
    reference_right: NDArray[np.bool_],
    out_of_scope_id: int | None,
) -> tuple[NDArray[np.float64], float]:
    reading = read_path(rule, out_of_scope_id, path.logits, path.embeddings, previous, tune.tokens)
    probabilities = softmax(path.logits / rule.temperature)
    features = router_features(probabilities, previous, reading.out_of_scope, tune.tokens)
    harm = reference_right & (reading.labels != tune.truth)
    return fit_stop_score(features[~reading.flagged], harm[~reading.flagged])
