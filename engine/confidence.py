"""What the router looks at after a path: features of its logits, the same code in calibration and at run time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEATURES: Final = ("log_odds", "margin", "entropy", "agreement", "out_of_scope", "log_tokens")
_TINY: Final = 1e-12
_MAX_LOG_ODDS: Final = 12.0


def softmax(logits: NDArray[np.floating]) -> Floats:
    """(rows, labels) logits → probabilities, in double precision."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def energy(logits: NDArray[np.floating]) -> Floats:
    """(rows, labels) → (rows,) negative log-sum-exp: high where no label fits (Liu et al. 2020)."""
    top = logits.max(axis=-1, keepdims=True).astype(np.float64)
    return -(top[..., 0] + np.log(np.exp(logits - top).sum(axis=-1)))


def router_features(
    probabilities: Floats, previous: NDArray[np.int64], out_of_scope: Floats, tokens: NDArray[np.int64]
) -> Floats:
    """(rows, len(FEATURES)).

    `probabilities` (rows, labels); `previous` (rows,) label id of the path before, -1 for the first path;
    `out_of_scope` (rows,) score; `tokens` (rows,) number of ids.
    """
    first_two = np.partition(probabilities, -2, axis=-1)[:, -2:]
    top = np.clip(first_two[:, 1], _TINY, 1 - _TINY)
    entropy = -(probabilities * np.log(probabilities + _TINY)).sum(axis=-1) / np.log(probabilities.shape[-1])
    return np.stack(
        (
            np.clip(np.log(top / (1 - top)), -_MAX_LOG_ODDS, _MAX_LOG_ODDS),
            first_two[:, 1] - first_two[:, 0],
            entropy,
            (probabilities.argmax(axis=-1) == previous).astype(np.float64),
            out_of_scope,
            np.log1p(tokens),
        ),
        axis=-1,
    )
