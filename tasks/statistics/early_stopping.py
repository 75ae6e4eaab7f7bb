"""Latency percentiles that a finite sample supports, by MLPerf LoadGen's early-stopping rule (`early_stopping.cc`).

Of n latencies the t-th slowest bounds the percentile p from above, at confidence c, if P(binomial(n, 1 - p) <= t) <=
1 - c. (The theory of order statistics asks this of t - 1 only; LoadGen is one query stricter.) For t = 1 and c = 99 %
this needs 64 queries for the 90th and 662 for the 99th percentile.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from tasks.records import Percentile
from tasks.statistics.checks import check_between_0_and_1

LOADGEN_CONFIDENCE: Final = 0.99


def latency_percentile(
    latencies_ms: ArrayLike, percentile: float, confidence: float = LOADGEN_CONFIDENCE
) -> Percentile:
    """The percentile (a fraction: 0.99 for p99) of latencies in milliseconds, shape (n,), with its upper bound.

    `value_ms` is the order statistic that LoadGen's summary prints. `upper_bound_ms` is None if `missing` more
    queries are needed to bound this percentile. Raises ValueError for no latencies, or for one that is negative or
    not finite.
    """
    slowest_last = np.sort(np.asarray(latencies_ms, dtype=np.float64))
    if slowest_last.ndim != 1 or len(slowest_last) == 0:
        raise ValueError(f"need latencies of shape (n,) with n > 0, got shape {slowest_last.shape}")
    if not np.isfinite(slowest_last).all() or slowest_last[0] < 0:
        raise ValueError("latencies must be finite and not negative")
    n = len(slowest_last)
    over_latency = allowed_over_latency(n, percentile, confidence)
    return Percentile(
        percentile=percentile,
        value_ms=float(slowest_last[min(int(n * percentile), n - 1)]),
        upper_bound_ms=float(slowest_last[n - over_latency]) if over_latency > 0 else None,
        missing=max(0, queries_needed(percentile, confidence) - n),
    )


def allowed_over_latency(n: int, percentile: float, confidence: float = LOADGEN_CONFIDENCE) -> int:
    """The largest t with P(binomial(n, 1 - percentile) <= t) <= 1 - confidence; -1 if not even t = 0 satisfies it."""
    _check(percentile, confidence)
    low, high = -1, n
    while low < high:
        middle = (low + high + 1) // 2
        if bdtr(middle, n, 1 - percentile) <= 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def queries_needed(percentile: float, confidence: float = LOADGEN_CONFIDENCE, over_latency: int = 1) -> int:
    """The fewest queries of which `over_latency` may exceed a latency that bounds the percentile.

    With the number of queries that missed the latency bound, this is the length of a valid Server run.
    """
    _check(percentile, confidence)
    if over_latency < 0:
        raise ValueError(f"a count cannot be negative, got {over_latency}")
    low, high = over_latency, max(2 * over_latency, 1)
    while bdtr(over_latency, high, 1 - percentile) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if bdtr(over_latency, middle, 1 - percentile) <= 1 - confidence:
            high = middle
        else:
            low = middle
    return high


def _check(percentile: float, confidence: float) -> None:
    if not 0 < percentile < 1:
        raise ValueError(f"a percentile is a fraction between 0 and 1 (0.99 for p99), got {percentile}")
    check_between_0_and_1(confidence, "confidence")
