"""What the router looks at after a path: the features of one row, the same code in calibration and at run time."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled

Scores = NDArray[np.float32]

FEATURES: Final = (
    "log_odds",
    "margin",
    "entropy",
    "agreement",
    "out_of_scope",
    "outside",
    "log_tokens",
    "novelty",
)
_TINY: Final = 1e-7
_MAX_LOG_ODDS: Final = 12.0


@dataclass(slots=True)
class Confidence:
    """One path's scores for one row, summed up.

    `label`: the best one; `probability`: its softmax probability; `margin`: to the second best; `entropy`: over that of the
    uniform distribution; `outside`: probability of the out-of-scope label, 0 without one; `energy`: negative log-sum-exp of
    the in-scope scores, high where no label fits (Liu et al. 2020); `log_odds`: of the out-of-scope label against all others,
    the energy without one.
    """

    label: int
    probability: float
    margin: float
    entropy: float
    outside: float
    energy: float
    log_odds: float

    @classmethod
    def of(cls, scores: Scores, out_of_scope_id: int | None) -> "Confidence":
        """Read (labels,) scores."""
        return cls(*_summary(scores, -1 if out_of_scope_id is None else out_of_scope_id))

    def features(self, *, agrees: bool, out_of_scope: float, tokens: int, novelty: float) -> tuple[float, ...]:
        """In the order of FEATURES. `agrees`: whether the path alone names the label that the path before it named;

        `out_of_scope`: the score in [0, 1]; `tokens`: number of ids; `novelty`: share of the row's pairs never seen.
        """
        others = max(1 - self.probability, _TINY)
        return (
            min(math.log(self.probability / others), _MAX_LOG_ODDS),
            self.margin,
            self.entropy,
            float(agrees),
            out_of_scope,
            math.log(self.outside + _TINY),
            math.log1p(tokens),
            novelty,
        )


@compiled
def _summary(scores: Scores, out_of_scope_id: int) -> tuple[int, float, float, float, float, float, float]:
    label = 0
    for i in range(1, len(scores)):
        if scores[i] > scores[label]:
            label = i
    top = np.float64(scores[label])
    total, weighted, second, outside = 0.0, 0.0, 0.0, 0.0
    for i in range(len(scores)):
        shifted = np.float64(scores[i]) - top
        weight = math.exp(shifted)
        total += weight
        weighted += weight * shifted
        if i == out_of_scope_id:
            outside = weight
        if i != label and weight > second:
            second = weight
    entropy = (math.log(total) - weighted / total) / math.log(max(len(scores), 2))
    energy = -top - math.log(max(total - outside, _TINY))
    log_odds = energy + np.float64(scores[out_of_scope_id]) if out_of_scope_id >= 0 else energy
    return label, 1 / total, (1 - second) / total, entropy, outside / total, energy, log_odds


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(rows, labels) logits → probabilities, in double precision."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
