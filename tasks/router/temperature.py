"""Temperature scaling: one number per path that makes its confidences mean what they say (Guo et al. 2017)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LOG_RANGE: Final = (-4.0, 4.0)


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood of (rows,) label ids under (rows, labels) logits.

    Rows with a negative label id (out of scope) are left out; without any other row it is 1.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    known = truth >= 0
    if not known.any():
        return 1.0
    scores = logits[known].astype(np.float64)
    own = scores[np.arange(len(scores)), truth[known]]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float(np.mean(logsumexp(scores * inverse, axis=-1) - own * inverse))

    return float(np.exp(minimize_scalar(loss, bounds=LOG_RANGE, method="bounded").x))
