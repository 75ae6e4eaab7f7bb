"""How well a score tells out-of-scope inputs from in-scope ones, over all thresholds.

Out of scope is the positive class and high scores mean out of scope, so that a false positive is a good request
refused.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auroc(in_scope_scores: ArrayLike, out_of_scope_scores: ArrayLike) -> float:
    """Area under the ROC curve: P(an out-of-scope score > an in-scope score), ties counted half (Mann-Whitney).

    Shapes (n,) and (m,), both at least 1. Raises ValueError for empty input or NaN.
    """
    negative, positive = _scores(in_scope_scores), _scores(out_of_scope_scores)
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / (2 * len(negative) * len(positive)))


def false_positive_rate_at_recall(
    in_scope_scores: ArrayLike, out_of_scope_scores: ArrayLike, recall: float = 0.95
) -> float:
    """FPR@95: the share of in-scope inputs flagged at the highest threshold that flags `recall` of the out-of-scope
    ones.

    An input is flagged when its score is at least the threshold. Shapes and errors as in `auroc`.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must lie in (0, 1], got {recall}")
    negative, positive = _scores(in_scope_scores), _scores(out_of_scope_scores)
    # 0.95 * 20 must need 19 of 20, whatever its last bit.
    needed = max(1, math.ceil(recall * len(positive) - 1e-9))
    threshold = np.sort(positive)[len(positive) - needed]
    return float((negative >= threshold).mean())


def _scores(values: ArrayLike) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"need scores of shape (n,) with n > 0, got shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    return scores
