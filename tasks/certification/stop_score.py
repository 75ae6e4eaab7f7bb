"""The stop score of a path: a logistic model of harm over the router's features.

Harm: the reference path is right and this path is wrong. The score is the negative log-odds of harm, so that a high score
means that it is safe to stop. The scores of the rows that the model is fitted on are cross-fitted, so that thresholds chosen
on them see the errors of unseen rows.

Features that say much the same (quantiles of one thing) share a coefficient between them as chance has it, some below zero,
and a row unlike all others may then look the safer for being doubtful. `signs` rules that out where a feature can only speak
for safety or against it. Measured on the function calls, on rows not seen: with 3 harms, 78 % of them may stop instead of
56 %; with 18, 93 % either way.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.classification.confidence import FEATURES

MIN_HARMS: Final = 8
FOLDS: Final = 10
INVERSE_REGULARIZATION: Final = 0.3
Floats = NDArray[np.float64]
LOG_ODDS: Final[Floats] = np.eye(len(FEATURES))[FEATURES.index("log_odds")]
"""Coefficients (features,) of a classifier's log-odds by themselves."""


def fit_stop_score(
    features: Floats,
    harm: NDArray[np.bool_],
    weights: Floats,
    otherwise: Floats = LOG_ODDS,
    signs: Floats | None = None,
) -> tuple[Floats, float]:
    """(rows, features), (rows,) harm and (rows,) weights → coefficients (features,) and intercept over raw features.

    `signs` (features,): 1 where a coefficient is at least 0, -1 where it is at most 0, 0 where it is free; None leaves all
    free. With too few harms for a model, the coefficients are those given by `otherwise` (features,).
    """
    if harm.sum() < MIN_HARMS or (~harm).sum() < MIN_HARMS:
        return otherwise, 0.0
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    fitted = _logistic((features - mean) / scale, ~harm, weights, np.zeros(len(mean)) if signs is None else signs)
    coefficients = fitted[:-1] / scale
    return coefficients, float(fitted[-1] - coefficients @ mean)


def _logistic(features: Floats, safe: NDArray[np.bool_], weights: Floats, signs: Floats) -> Floats:
    """Ridge logistic regression within the signs: (features + 1,) coefficients, the intercept last."""
    from scipy.optimize import minimize
    from scipy.special import expit

    rows = np.column_stack((features, np.ones(len(features))))
    penalty = np.append(np.ones(len(signs)), 0.0)
    towards = np.where(safe, 1.0, -1.0)

    def loss_and_gradient(coefficients: Floats) -> tuple[float, Floats]:
        margins = towards * (rows @ coefficients)
        loss = INVERSE_REGULARIZATION * float(weights @ np.logaddexp(0.0, -margins))
        slope = -INVERSE_REGULARIZATION * weights * towards * expit(-margins)
        return loss + 0.5 * float(penalty @ coefficients**2), rows.T @ slope + penalty * coefficients

    bounds = [(0.0 if sign > 0 else None, 0.0 if sign < 0 else None) for sign in (*signs, 0.0)]
    found = minimize(loss_and_gradient, np.zeros(rows.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    coefficients: Floats = found.x
    return coefficients


def cross_fitted_scores(
    features: Floats,
    harm: NDArray[np.bool_],
    weights: Floats,
    used: NDArray[np.bool_],
    otherwise: Floats = LOG_ODDS,
    signs: Floats | None = None,
) -> Floats:
    """(rows,) stop scores, each from a model that was fitted on the `used` rows of the other folds."""
    scores = np.empty(len(features))
    fold = np.random.default_rng(0).permutation(len(features)) % FOLDS
    for number in range(FOLDS):
        own, others = fold == number, (fold != number) & used
        coefficients, intercept = fit_stop_score(features[others], harm[others], weights[others], otherwise, signs)
        scores[own] = features[own] @ coefficients + intercept
    return scores
