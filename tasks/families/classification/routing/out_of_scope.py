"""Fit a path's out-of-scope scorer: class centres and covariances on train, ranks and threshold on tune.

Shrinkage of the classes' shared covariance: Ledoit and Wolf (2004). The threshold is an in-scope quantile, so it bounds the
false rejections.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.classification.confidence import Confidence
from engine.classification.out_of_scope import EmbeddingSpace, OutOfScopeScorer
from tasks.finite import finite

QUANTILES: Final = np.linspace(0, 1, 257)
MOST_DIMENSIONS: Final = 128
MOST_NEIGHBOURS: Final = 2048
ALIKE: Final = 1e-10
"""Of the squared size of the embeddings: centres that are no further apart are the same but for rounding."""
LEAST_VARIANCE: Final = 1e-6
"""Of the mean variance of all rows, along any axis within a class: where all rows of each class are the same, it has none."""


def fit_scorer(
    said: Sequence[Confidence],
    embeddings: NDArray[np.float32] | None,
    space: EmbeddingSpace | None,
    false_rejection: float,
    *,
    reads_label: bool,
) -> OutOfScopeScorer:
    """`said`: of each in-scope tune row, by the path's scores; `embeddings` (rows, hidden) of the same rows.

    `reads_label`: whether the scores have an out-of-scope label. Its log odds hold the energy of the others, and what was
    learned of out-of-scope rows besides: that stays where it is when labels are added, as the energy alone does not.
    """
    energies = [each.log_odds if reads_label else each.energy for each in said]
    scorer = OutOfScopeScorer(energy_quantiles=_quantiles(energies), threshold=1.0, reads_label=reads_label)
    if space is not None and embeddings is not None:
        distances = [space.distances(embedding) for embedding in embeddings]
        nearest = [near for _, near in distances if near is not None]
        scorer = replace(
            scorer,
            space=space,
            relative_quantiles=_quantiles([relative for relative, _ in distances]),
            neighbour_quantiles=_quantiles(nearest) if nearest else (),
        )
    own = [None] * len(energies) if embeddings is None else list(embeddings)
    scores = [scorer.score(energy, embedding) for energy, embedding in zip(energies, own, strict=True)]
    return replace(scorer, threshold=float(np.quantile(scores, 1 - false_rejection)))


def fit_space(embeddings: NDArray[np.float32], labels: NDArray[np.int64], *, neighbours: bool) -> EmbeddingSpace | None:
    """From (rows, hidden) in-scope train embeddings and their label ids.

    None where no embedding tells one class from another: for a single class, or where the centres of all are the same.
    UserError for embeddings that are not finite.
    """
    from sklearn.covariance import LedoitWolf

    present, numbers = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return None
    rows = finite("embeddings [row, dimension] of train rows", embeddings).astype(np.float64)
    centres = np.stack([rows[numbers == number].mean(axis=0) for number in range(len(present))])
    origin = rows.mean(axis=0)
    total = float(((rows - origin) ** 2).sum(axis=1).mean())
    between = float(((centres - origin) ** 2).sum(axis=1).max())
    if between <= ALIKE * max(total, float((origin**2).sum())):
        return None
    shared = LedoitWolf(assume_centered=True).fit(rows - centres[numbers])
    whitening = np.linalg.cholesky(
        _precision(shared.covariance_, shared.precision_, LEAST_VARIANCE * total / rows.shape[1])
    )
    shares = np.sqrt(np.bincount(numbers) / len(rows))[:, None]
    _, spreads, axes = np.linalg.svd(shares * ((centres - origin) @ whitening), full_matrices=False)
    kept = min(len(present) - 1, MOST_DIMENSIONS, int((spreads > 1e-6 * spreads[0]).sum()))
    projection = whitening @ axes[:kept].T
    near = rows[:: -(-len(rows) // MOST_NEIGHBOURS)] if neighbours else rows[:0]
    shift = origin @ projection

    def single(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.ascontiguousarray(values, dtype=np.float32)

    return EmbeddingSpace(
        projection=single(projection),
        origin=single(shift),
        centres=single(centres @ projection - shift),
        background=single(1 / (1 + spreads[:kept] ** 2)),
        neighbours=single(near @ projection - shift),
    )


def _precision(covariance: NDArray[np.float64], inverse: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """The inverse of a covariance, symmetric; of one with no variance along some axis, with `least` there."""
    values, axes = np.linalg.eigh(covariance)
    if values[0] < least:
        return (axes / np.maximum(values, least)) @ axes.T
    return (inverse + inverse.T) / 2


def _quantiles(values: object) -> tuple[float, ...]:
    return tuple(np.quantile(np.asarray(values, dtype=np.float64), QUANTILES).tolist())
