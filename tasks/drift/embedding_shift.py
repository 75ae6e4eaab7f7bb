"""Have the inputs moved? The kernel two-sample test on embeddings (Gretton et al., JMLR 13, 2012).

The statistic is the unbiased estimate of MMD² with a Gaussian kernel whose bandwidth is the median distance of the pooled
rows; its p-value comes of permutations, which leave the pooled rows, and so the kernel, as they are.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import HashingVectorizer

from tasks.drift.records import EmbeddingShift
from tasks.statistics.permutation import partitions, permutation_p_value

Matrix = NDArray[np.float64]
_ROUNDING: Final = 1e-12


def embedding_shift(old: ArrayLike, new: ArrayLike, *, permutations: int, seed: int) -> EmbeddingShift:
    """Compare two samples of embeddings, shapes (m, d) and (n, d) with m, n >= 2.

    Raises ValueError for other shapes, or values that are not finite. Time and memory grow with (m + n)².
    """
    first, second = _checked(old), _checked(new)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"embeddings of one width are needed, got {first.shape[1]} and {second.shape[1]}")
    squares = _squared_distances(np.concatenate([first, second]))
    bandwidth = _median_distance(squares)
    kernel = np.exp(-squares / (2 * bandwidth**2))
    drawn = partitions(len(first), len(second), permutations, np.random.default_rng(seed))
    statistics = unbiased_mmd2(kernel, drawn)
    return EmbeddingShift(
        old_rows=len(first),
        new_rows=len(second),
        dimensions=first.shape[1],
        bandwidth=bandwidth,
        mmd2=float(statistics[0]),
        p_value=permutation_p_value(statistics),
    )


def unbiased_mmd2(kernel: Matrix, first: NDArray[np.bool_]) -> Matrix:
    """MMD² of each partition: `kernel` (rows, rows), `first` (count, rows) → (count,). At least two rows in each part."""
    others = kernel - np.diag(np.diag(kernel))
    chosen = first.astype(np.float64)
    m = chosen.sum(axis=1)
    n = chosen.shape[1] - m
    within_first = ((chosen @ others) * chosen).sum(axis=1)
    between = chosen @ others.sum(axis=1) - within_first
    within_second = others.sum() - within_first - 2 * between
    return within_first / (m * (m - 1)) + within_second / (n * (n - 1)) - 2 * between / (m * n)


def character_features(texts: list[str]) -> Matrix:
    """(texts, 1024) hashed character n-grams of unit length: embeddings for a champion that offers none."""
    hashing = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=1024)
    return np.asarray(hashing.transform(texts).toarray(), dtype=np.float64)


def _checked(embeddings: ArrayLike) -> Matrix:
    values = np.asarray(embeddings, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"embeddings of shape (rows, dimensions) with two rows or more are needed, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("an embedding is not finite")
    return values


def _squared_distances(points: Matrix) -> Matrix:
    # About the mean, so that embeddings far from the origin lose no digits; what is left of equal points is rounding.
    rounding = _ROUNDING * float((points**2).sum(axis=1).max())
    points = points - points.mean(axis=0)
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * (points @ points.T)
    return np.where(distances > rounding, distances, 0.0)


def _median_distance(squares: Matrix) -> float:
    """The median over pairs of different rows; over pairs of different points where most points are the same."""
    pairs = np.sqrt(squares[np.triu_indices(len(squares), k=1)])
    median = float(np.median(pairs))
    if median > 0:
        return median
    apart = pairs[pairs > 0]
    return float(np.median(apart)) if len(apart) else 1.0
