"""A confidence sequence for a median: an interval that may be looked at after every value, until one likes what it says.

Whatever the values are distributed like, each lies above the median with probability 1/2 at most, and below it likewise. So
for every number below the true median a bet on too many values above it is a test martingale, and by Ville's inequality it
ever grows to 1 / level with probability `level` at most, whenever one stops (Howard and Ramdas, "Sequential estimation of
quantiles with applications to A/B testing and best-arm identification", Bernoulli 2022). The bet is a mixture over the
chance of a value above, by Jeffreys' prior on (1/2, 1): it has a closed form, and needs no stopping time to be tuned for.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln

_PRIOR = 0.5  # Jeffreys'


def median_interval(values: ArrayLike, level: float) -> tuple[float, float]:
    """The interval after these values, in the order in which they came: it misses the median, ever, with probability `level`.

    Infinite while there are too few of them. Raises ValueError for values that are no finite numbers, and a level outside
    of (0, 1). Half of the level is each end's.
    """
    found = np.sort(np.asarray(values, dtype=np.float64))
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError("need one row of finite numbers")
    if not 0 < level < 1:
        raise ValueError(f"the level must lie between 0 and 1, not {level}")
    needed = needed_on_one_side(len(found), level / 2)
    if needed is None:
        return -math.inf, math.inf
    return float(found[len(found) - needed]), float(found[needed - 1])


@lru_cache(maxsize=4096)
def needed_on_one_side(count: int, level: float) -> int | None:
    """How many of `count` values have to lie on one side of a number for it to be no median; None where all are too few."""
    limit = -math.log(level)
    return next((above for above in range(count // 2, count + 1) if log_evidence(count, above) >= limit), None)


def log_evidence(count: int, above: int) -> float:
    """Logarithm of the bet's worth after `count` values, of which so many lay above a number: against it being the median.

    The integral of (2p)^above (2 (1-p))^(count-above) over Jeffreys' prior on (1/2, 1).
    """
    a, b = above + _PRIOR, count - above + _PRIOR
    # The share of a Beta(a, b) that lies above 1/2 is that of a Beta(b, a) below it, which does not cancel.
    share = float(betainc(b, a, 0.5))
    if share == 0:
        return -math.inf
    return (count + 1) * math.log(2) + float(betaln(a, b)) - math.log(math.pi) + math.log(share)
