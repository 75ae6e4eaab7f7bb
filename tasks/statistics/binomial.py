"""Exact binomial inference for accuracies, recalls and shares (Clopper and Pearson, Biometrika 26, 1934).

Coverage is at least the stated confidence for every n and every true proportion, at 0 and at 1 too.
"""

from scipy.special import betaincinv

from tasks.records import Interval
from tasks.statistics.checks import check_between_0_and_1


def exact_interval(successes: int, n: int, confidence: float) -> Interval:
    """Two-sided interval of a proportion, both tails at (1 - `confidence`) / 2. Needs at least one row."""
    if n < 1:
        raise ValueError("a proportion of no rows has no interval")
    one_sided = (1 + confidence) / 2
    return Interval(
        value=successes / n,
        low=exact_lower_bound(successes, n, one_sided),
        high=exact_upper_bound(successes, n, one_sided),
        successes=successes,
        n=n,
        confidence=confidence,
    )


def exact_lower_bound(successes: int, n: int, confidence: float) -> float:
    """One-sided lower bound of a proportion; 0 without rows."""
    _check(successes, n)
    check_between_0_and_1(confidence, "confidence")
    return float(betaincinv(successes, n - successes + 1, 1 - confidence)) if successes > 0 else 0.0


def exact_upper_bound(successes: int, n: int, confidence: float) -> float:
    """One-sided upper bound of a proportion; 1 without rows."""
    _check(successes, n)
    check_between_0_and_1(confidence, "confidence")
    return float(betaincinv(successes + 1, n - successes, confidence)) if successes < n else 1.0


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes are impossible among {n} rows")
