"""How a series of attempts at a certificate on the same rows spends its error probability: docs/certificate.md, section 5.

The first attempt after a certified bundle is worth nearly all of it, since most need no other; what it leaves is enough for any
number of further ones.
"""

import math
from typing import Final

from scipy.special import bdtr

from tasks.statistics.checks import check_between_0_and_1
from tasks.statistics.paired_test import most_harms

FIRST_SHARE: Final = 0.9


def attempt_level(delta: float, attempt: int) -> float:
    """The level of the r-th attempt (r = 1, 2, …) since the last certified bundle.

    0.9 `delta` for the first, and 0.1 * 6 `delta` / (pi (r - 1))^2 for each later one: all of them sum to `delta`, since
    the sum of 1 / k^2 is pi^2 / 6. Raises ValueError for attempts below 1 and for levels outside (0, 1).
    """
    check_between_0_and_1(delta, "delta")
    if attempt < 1:
        raise ValueError(f"attempts count from 1, got {attempt}")
    if attempt == 1:
        return FIRST_SHARE * delta
    return (1 - FIRST_SHARE) * 6 * delta / (math.pi * (attempt - 1)) ** 2


def chance_to_certify(rows: int, epsilon: float, level: float) -> float:
    """How likely a candidate that loses half of `epsilon`, and wins nothing, is certified on so many rows at this level.

    Known before any row is looked at, so that sets of rows can be chosen by it.
    """
    most = most_harms(rows, 0, epsilon, level)
    return float(bdtr(most, rows, epsilon / 2)) if most >= 0 else 0.0
