"""Many tests at once: Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979), whatever their dependence."""

import math
from collections.abc import Mapping


def holm_adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values by name, in the order given: rejecting those <= alpha errs anywhere with chance at most alpha.

    Raises ValueError for a p-value outside [0, 1], NaN included.
    """
    for name, value in p_values.items():
        if math.isnan(value) or not 0 <= value <= 1:
            raise ValueError(f"the p-value of {name} lies between 0 and 1, got {value}")
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
