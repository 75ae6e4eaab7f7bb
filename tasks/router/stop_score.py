"""The stop score of a path: a logistic model of harm over the router's features.

Harm: the reference path is right and this path is wrong. The score is the negative log-odds of harm, so that a high score
means that it is safe to stop. The scores of the rows that the model is fitted on are cross-fitted, so that thresholds chosen
on them see the errors of unseen rows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.confidence import FEATURES

MIN_HARMS: Final = 8
FOLDS: Final = 10
INVERSE_REGULARIZATION: Final = 0.3
Floats = NDArray[np.float64]
LOG_ODDS: Final[Floats] = np.eye(len(FEATURES))[FEATURES.index("log_odds")]
"""Coefficients (features,) of a classifier's log-odds by themselves."""


def fit_stop_score(
    features: Floats, harm: NDArray[np.bool_], weights: Floats, otherwise: Floats = LOG_ODDS
) -> tuple[Floats, float]:
    """(rows, features), (rows,) harm and (rows,) weights → coefficients (features,) and intercept over raw features.

    With too few harms for a model, the coefficients are those given by `otherwise` (features,).
    """
    from sklearn.linear_model import LogisticRegression

    if harm.sum() < MIN_HARMS or (~harm).sum() < MIN_HARMS:
        return otherwise, 0.0
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=1000)
    model.fit((features - mean) / scale, harm, sample_weight=weights)
    coefficients = -model.coef_[0] / scale
    return coefficients, float(-model.intercept_[0] - coefficients @ mean)


def cross_fitted_scores(
    features: Floats,
    harm: NDArray[np.bool_],
    weights: Floats,
    used: NDArray[np.bool_],
    otherwise: Floats = LOG_ODDS,
) -> Floats:
    """(rows,) stop scores, each from a model that was fitted on the `used` rows of the other folds."""
    scores = np.empty(len(features))
    fold = np.random.default_rng(0).permutation(len(features)) % FOLDS
    for number in range(FOLDS):
        own, others = fold == number, (fold != number) & used
        coefficients, intercept = fit_stop_score(features[others], harm[others], weights[others], otherwise)
        scores[own] = features[own] @ coefficients + intercept
    return scores
