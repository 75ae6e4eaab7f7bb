"""The stop score of a path: a logistic model of harm over the router's features.

Harm: the reference path is right and this path is wrong. The score is the negative log-odds of harm, so that a high score
means that it is safe to stop. With too few harms on tune for a model, the score is the log-odds of the top label.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.confidence import FEATURES

MIN_HARMS: Final = 8
Floats = NDArray[np.float64]


def fit_stop_score(features: Floats, harm: NDArray[np.bool_]) -> tuple[Floats, float]:
    """(rows, features) and (rows,) → coefficients (features,) and intercept over the raw features."""
    from sklearn.linear_model import LogisticRegression

    if harm.sum() < MIN_HARMS or (~harm).sum() < MIN_HARMS:
        return np.eye(len(FEATURES))[FEATURES.index("log_odds")], 0.0
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    model = LogisticRegression(C=1.0, max_iter=1000).fit((features - mean) / scale, harm)
    coefficients = -model.coef_[0] / scale
    return coefficients, float(-model.intercept_[0] - coefficients @ mean)
