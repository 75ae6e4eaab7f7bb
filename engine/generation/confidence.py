"""What the router looks at after a path has answered: the features of one answer, the same in calibration and at run time."""

import math
from collections.abc import Sequence
from typing import Final

FEATURES: Final = (
    "total",
    "lowest",
    "second_lowest",
    "low_decile",
    "low_quartile",
    "mean",
    "log_tokens",
    "ended",
    "valid",
)
"""Of the tokens' log-probabilities: sum, least, least but one, 10 % and 25 % quantiles, mean. `ended`: by the end token.

`valid`: the text is of the form that the bundle's answers have (see validity).
"""
_LEAST: Final = -20.0


def features(log_probabilities: Sequence[float], *, ended: bool, valid: bool) -> tuple[float, ...]:
    """In the order of FEATURES; `log_probabilities` of every token of the answer and of its end."""
    ordered = sorted(log_probabilities)
    count = len(ordered)
    total = math.fsum(ordered)
    return (
        max(total, 3 * _LEAST),
        max(ordered[0], _LEAST),
        max(ordered[min(1, count - 1)], _LEAST),
        max(ordered[count // 10], _LEAST),
        max(ordered[count // 4], _LEAST),
        max(total / count, _LEAST),
        math.log1p(count),
        float(ended),
        float(valid),
    )


def first_doubt(log_probabilities: Sequence[float], tokens: int) -> float:
    """The least log-probability among the first `tokens`: what an early abort looks at."""
    return min(log_probabilities[:tokens])
