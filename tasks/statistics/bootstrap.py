"""Percentile bootstrap over rows (Efron and Tibshirani 1993): bounds for metrics that are no proportions."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1000


def bootstrap_bounds(
    metric: Callable[[NDArray[np.int64]], float], rows: int, confidence: float, seed: int = 0
) -> tuple[float, float]:
    """One-sided lower and upper bound at `confidence` of `metric`, a function of (n,) row numbers of a resample."""
    if rows < 1:
        raise ValueError("no rows to resample")
    random = np.random.default_rng(seed)
    values = [metric(random.integers(0, rows, rows)) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [1 - confidence, confidence])
    return float(low), float(high)
