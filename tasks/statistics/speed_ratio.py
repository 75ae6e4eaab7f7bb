"""How many times faster, from interleaved blocks in which parent and candidate ran back to back.

The ratio is taken within each block, so that a machine that slows down for a while slows both; the median over blocks
ignores a disturbed one. Its interval is the distribution-free sign interval (order statistics of the ratios; David
and Nagaraja, Order Statistics, section 7.1): exact, deterministic, and no wider than the number of blocks makes it.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtrit

from tasks.records import Ratio

CONFIDENCE: Final = 0.95
# Below this many blocks even the smallest and the largest ratio hold the median with less than 95 %.
FEWEST_FOR_SIGN_INTERVAL: Final = 6


def paired_ratio(parent_ms: ArrayLike, own_ms: ArrayLike) -> Ratio:
    """Median over blocks of parent time / own time with a 95 % interval; both of shape (blocks,), in the same unit.

    With fewer than 6 blocks no distribution-free interval exists; then it is Student's on the logarithms of the
    ratios (which assumes that they are about normal), stretched to hold every ratio seen. Two blocks are the fewest.
    Raises ValueError for other shapes and for times that are not positive and finite.
    """
    parent, own = np.asarray(parent_ms, dtype=np.float64), np.asarray(own_ms, dtype=np.float64)
    if parent.ndim != 1 or parent.shape != own.shape or len(parent) < 2:
        raise ValueError(f"need two arrays of one length, at least 2 blocks; got shapes {parent.shape} and {own.shape}")
    for times in (parent, own):
        if not (np.isfinite(times).all() and (times > 0).all()):
            raise ValueError("times must be positive and finite")
    ratios = np.sort(parent / own)
    interval = _sign_interval if len(ratios) >= FEWEST_FOR_SIGN_INTERVAL else _log_normal_interval
    low, high = interval(ratios)
    return Ratio(value=float(np.median(ratios)), low=low, high=high)


def _sign_interval(ratios: NDArray[np.float64]) -> tuple[float, float]:
    """The k-th smallest and k-th largest with the largest k for which P(binomial(n, 1/2) < k) <= 2.5 %."""
    n = len(ratios)
    tails = bdtr(np.arange(n // 2, dtype=np.float64), n, 0.5)
    k = int((tails <= (1 - CONFIDENCE) / 2).sum())
    return float(ratios[k - 1]), float(ratios[n - k])


def _log_normal_interval(ratios: NDArray[np.float64]) -> tuple[float, float]:
    n, logs = len(ratios), np.log(ratios)
    reach = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * logs.std(ddof=1) / np.sqrt(n)
    return (
        min(float(np.exp(logs.mean() - reach)), float(ratios[0])),
        max(float(np.exp(logs.mean() + reach)), float(ratios[-1])),
    )
