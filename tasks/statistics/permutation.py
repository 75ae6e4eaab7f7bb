"""Permutation p-values of two-sample tests: which rows belong to the first sample is drawn anew, the statistic computed again.

Where there are no more ways to part the rows than drawings asked for, all of them are taken and the p-value is exact.
"""

import math
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Equal statistics of different partitions differ by rounding; counting a near tie into the tail can only raise p.
_TIE: Final = 1e-10


def partitions(first: int, second: int, drawings: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """(count, first + second): True where a row belongs to the first sample; the observed partition is row 0.

    Either all partitions, each once, or the observed one and `drawings` random ones. ValueError for an empty sample.
    """
    if first < 1 or second < 1 or drawings < 1:
        raise ValueError(f"two samples and a drawing are needed, got {first} and {second} rows, {drawings} drawings")
    n = first + second
    if math.comb(n, first) <= drawings + 1:
        every = np.zeros((math.comb(n, first), n), dtype=np.bool_)
        for row, chosen in enumerate(combinations(range(n), first)):
            every[row, list(chosen)] = True
        return every
    observed = np.arange(n) < first
    drawn = random.permuted(np.broadcast_to(observed, (drawings, n)).copy(), axis=1)
    return np.concatenate([observed[None, :], drawn])


def permutation_p_value(statistics: ArrayLike) -> float:
    """Share of the statistics (count,) that are at least the first, the observed one, which counts as well.

    Large speaks against "both samples come of one distribution". Never 0. Raises ValueError for NaN or none at all.
    """
    values = np.asarray(statistics, dtype=np.float64)
    if values.ndim != 1 or not len(values) or np.isnan(values).any():
        raise ValueError(f"need statistics of shape (count,) without NaN, got shape {values.shape}")
    return float((values >= values[0] - _TIE * (1 + abs(values[0]))).mean())
