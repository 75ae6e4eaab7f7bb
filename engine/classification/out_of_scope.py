"""How far an input is from everything the model was trained for.

Score = the largest of the ranks, among in-scope tune rows, of the energy of the in-scope scores (Liu et al. 2020), or of the
log odds of the out-of-scope label where the head has one, of the relative Mahalanobis distance of the embedding (Lee et al.
2018; Ren et al. 2021), and of the distance to the nearest train row (Sun et al. 2022). A path without an embedding has the
first alone.

The relative distance, to the nearest class less that to all rows at once, lives in the subspace of the class centres: in
coordinates in which the classes' shared covariance is the identity and that of all rows is diagonal, every other direction
cancels. So one projection to at most that many dimensions serves both distances.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.classification.confidence import Confidence

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddingSpace:
    """`projection` (hidden, dimensions), `origin` (dimensions,); `centres` (labels, dimensions);

    `background` (dimensions,): 1 / variance of all rows. `neighbours` (rows, dimensions): train rows, may be none.
    """

    projection: Floats
    origin: Floats
    centres: Floats
    background: Floats
    neighbours: Floats
    centre_squares: Floats = field(init=False)
    neighbour_squares: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Squares that every request needs."""
        object.__setattr__(self, "centre_squares", (self.centres**2).sum(axis=-1))
        object.__setattr__(self, "neighbour_squares", (self.neighbours**2).sum(axis=-1))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that are stored, before compression."""
        stored = (self.projection, self.origin, self.centres, self.background, self.neighbours)
        return sum(array.nbytes for array in stored)

    def distances(self, embedding: Floats) -> tuple[float, float | None]:
        """(hidden,) → relative Mahalanobis distance, and the distance to the nearest neighbour if there are any."""
        point = embedding @ self.projection
        point -= self.origin
        square = float(point @ point)
        relative = float((self.centre_squares - 2 * (self.centres @ point)).min())
        relative += square - float((point * point) @ self.background)
        if not len(self.neighbours):
            return relative, None
        return relative, square + float((self.neighbour_squares - 2 * (self.neighbours @ point)).min())


@dataclass(frozen=True)
class OutOfScopeScorer:
    """Quantiles: ascending values of in-scope rows at even ranks; `threshold`: the score above which an input is flagged.

    `reads_label`: the head has an out-of-scope label, and its log odds are ranked instead of the energy of the others.
    """

    energy_quantiles: Sequence[float]
    threshold: float
    space: EmbeddingSpace | None = None
    relative_quantiles: Sequence[float] = ()
    neighbour_quantiles: Sequence[float] = ()
    reads_label: bool = False

    def score_of(self, confidence: Confidence, embedding: Floats | None) -> float:
        """In [0, 1], from what a path's scores say of an input, and its embedding."""
        return self.score(confidence.log_odds if self.reads_label else confidence.energy, embedding)

    def score(self, energy: float, embedding: Floats | None) -> float:
        """In [0, 1], NaN where a number is not finite; `energy`: or log odds. `embedding` (hidden,) is read only where the
        scorer has a space.
        """
        if not math.isfinite(energy):
            return math.nan
        score = _rank(energy, self.energy_quantiles)
        if self.space is None or embedding is None:
            return score
        relative, nearest = self.space.distances(embedding)
        if not math.isfinite(relative):
            return math.nan
        score = max(score, _rank(relative, self.relative_quantiles))
        return score if nearest is None else max(score, _rank(nearest, self.neighbour_quantiles))


def _rank(value: float, quantiles: Sequence[float]) -> float:
    """Where `value` lies among the quantiles, from 0 to 1, linear between them."""
    place = bisect_left(quantiles, value)
    if place == 0:
        return 0.0
    if place == len(quantiles):
        return 1.0
    low, high = quantiles[place - 1], quantiles[place]
    return (place - 1 + (value - low) / (high - low)) / (len(quantiles) - 1)
