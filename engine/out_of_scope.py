"""How far an input is from everything the model was trained for.

Score = the larger of two ranks among in-scope tune rows: class-conditional Mahalanobis distance of the embedding with a
shared shrunk covariance (Lee et al. 2018), and negative energy of the logits (Liu et al. 2020). A path without an embedding
has the energy alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.confidence import energy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OutOfScopeScorer:
    """`whitening`: (hidden, hidden); `centres`: (labels, hidden), whitened. Both are None for a path without embedding.

    `distance_quantiles`, `energy_quantiles`: ascending values of in-scope rows at even ranks; `threshold`: the score
    above which an input is flagged.
    """

    energy_quantiles: Floats
    threshold: float
    whitening: Floats | None = None
    centres: Floats | None = None
    distance_quantiles: Floats | None = None

    def score(self, logits: NDArray[np.floating], embedding: NDArray[np.floating] | None) -> Floats:
        """(rows,) scores in [0, 1] for (rows, labels) logits and (rows, hidden) embeddings."""
        score = _rank(energy(logits), self.energy_quantiles)
        if self.whitening is None or self.centres is None or self.distance_quantiles is None or embedding is None:
            return score
        return np.maximum(score, _rank(self.distance(embedding), self.distance_quantiles))

    def distance(self, embedding: NDArray[np.floating]) -> Floats:
        """(rows, hidden) → (rows,) squared Mahalanobis distance to the nearest class."""
        if self.whitening is None or self.centres is None:
            raise ValueError("this scorer has no embedding statistics")
        white = embedding.astype(np.float64) @ self.whitening
        squares = (white**2).sum(-1)[:, None] - 2 * white @ self.centres.T + (self.centres**2).sum(-1)
        return squares.min(axis=-1)


def _rank(values: Floats, quantiles: Floats) -> Floats:
    return np.interp(values, quantiles, np.linspace(0.0, 1.0, len(quantiles)))
