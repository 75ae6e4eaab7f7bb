"""Fixed-sequence testing: many settings tested in an order fixed beforehand, each at the full delta.

Because the walk ends at the first setting that is not rejected, the chance of certifying any false one stays at most
delta with no division of it (Maurer, Hothorn and Lehmacher 1995; as "learn then test", Angelopoulos et al. 2021). The
order must not depend on the rows that the p-values come from.
"""

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
