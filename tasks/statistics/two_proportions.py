"""Two proportions of different rows: by how much one lies below the other.

Each gets an exact one-sided bound at half the error (Bonferroni), so that the bound of the difference covers at every
sample size; it is wider than an asymptotic one by about a fifth.
"""

from typing import Final

from tasks.statistics.binomial import exact_lower_bound, exact_upper_bound
from tasks.statistics.checks import check_between_0_and_1

_SMALLEST_DELTA: Final = 1e-12
_HALVINGS: Final = 45


def drop_lower_bound(before: tuple[int, int], after: tuple[int, int], confidence: float) -> float:
    """Lower bound of the first proportion less the second; each is (successes, n). -1 where neither has rows."""
    check_between_0_and_1(confidence, "confidence")
    each = 1 - (1 - confidence) / 2
    return exact_lower_bound(*before, each) - exact_upper_bound(*after, each)


def drop_p_value(before: tuple[int, int], after: tuple[int, int], margin: float) -> float:
    """p-value of "the proportion fell by at most `margin`": the least delta at which the lower bound exceeds it.

    Rounded up; no value below 1e-12 is told apart. Raises ValueError for a margin outside [0, 1).
    """
    if not 0 <= margin < 1:
        raise ValueError(f"the margin of a drop lies in [0, 1), got {margin}")
    low, high = _SMALLEST_DELTA, 1.0
    if drop_lower_bound(before, after, 1 - low) > margin:
        return low
    # The bound rises with delta; at `high` it is taken to hold, which costs nothing since no p-value exceeds 1.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if drop_lower_bound(before, after, 1 - middle) > margin else (middle, high)
    return high
