"""How much a path's own logits and the evidence of the paths before it weigh: two numbers per path.

They minimise the negative log-likelihood of the labels on tune, which also calibrates the confidences: without evidence
before it, a path's own weight is the inverse of a temperature (Guo et al. 2017); with it, the two form a logarithmic opinion
pool (Genest and Zidek 1986).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGEST: Final = 50.0
SMALLEST: Final = 0.02


def fit_weights(
    logits: NDArray[np.float32], before: NDArray[np.float32] | None, truth: NDArray[np.int64]
) -> tuple[float, float]:
    """(own weight, carried weight) for (rows, labels) logits and scores before; `truth` (rows,) label ids.

    Rows with a negative label id (out of scope) are left out; without any other row, the logits stand alone as they are.
    """
    from scipy.optimize import minimize

    known = np.flatnonzero(truth >= 0)
    if not len(known):
        return 1.0, 0.0
    parts = [logits[known].astype(np.float64)]
    if before is not None:
        parts.append(before[known].astype(np.float64))
    own = [part[np.arange(len(known)), truth[known]] for part in parts]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = sum(weight * part for weight, part in zip(weights, parts, strict=True))
        top = scores.max(axis=-1, keepdims=True)
        exponentials = np.exp(scores - top)
        totals = exponentials.sum(axis=-1)
        likelihood = sum(weight * right for weight, right in zip(weights, own, strict=True))
        value = float(np.mean(np.log(totals) + top[:, 0] - likelihood))
        slopes = [
            np.mean((exponentials * part).sum(axis=-1) / totals - right) for part, right in zip(parts, own, strict=True)
        ]
        return value, np.array(slopes)

    bounds = [(SMALLEST, LARGEST), (0.0, LARGEST)][: len(parts)]
    found = minimize(loss, np.ones(len(parts)), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), float(found[1]) if before is not None else 0.0
