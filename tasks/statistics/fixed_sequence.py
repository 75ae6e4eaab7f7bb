"""Fixed-sequence testing: many settings tested in an order fixed beforehand, each at the full delta.

Because the walk ends at the first setting that is not rejected, the chance of certifying any false one stays at most
delta with no division of it (Maurer, Hothorn and Lehmacher 1995; as "learn then test", Angelopoulos et al. 2021). The
order must not depend on the rows that the p-values come from.
"""

import math
from collections.abc import Iterable

from tasks.statistics.checks import check_between_0_and_1


def certified_settings(p_values: Iterable[float], delta: float) -> tuple[int, ...]:
    """Indices of the certified settings, `p_values` in order from the safest: the longest prefix with p <= `delta`.

    A setting that must meet several requirements enters with the maximum of their p-values. A generator is read no
    further than the first failure; a NaN is a failure.
    """
    check_between_0_and_1(delta, "delta")
    certified = []
    for index, p_value in enumerate(p_values):
        if not p_value <= delta:
            break
        certified.append(index)
    return tuple(certified)


def attempt_level(delta: float, attempt: int) -> float:
    """The level of the r-th attempt (r = 1, 2, …) on the same rows, `delta` * 6 / (pi r)^2; they sum to `delta`."""
    check_between_0_and_1(delta, "delta")
    if attempt < 1:
        raise ValueError(f"attempts count from 1, got {attempt}")
    return delta * 6 / (math.pi * attempt) ** 2


def level_to_spend(delta: float, attempt: int) -> float:
    """All of `delta` for a first attempt; a retry on rows that a failed one has seen spends its share of the series."""
    return delta if attempt == 1 else attempt_level(delta, attempt)
