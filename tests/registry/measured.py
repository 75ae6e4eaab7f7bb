"""Shares, ratios and paired tests with made-up intervals."""

import math

from tasks.records import (
    Interval,
    PairedTest,
    Ratio,
)


def share(right: int, rows: int) -> Interval:
    value = right / rows
    spread = 1.96 * math.sqrt(max(value * (1 - value), 1e-4) / rows)
    return Interval(
        value=value, low=value - spread, high=min(1.0, value + spread), successes=right, n=rows, confidence=0.95
    )


def ratio(value: float, spread: float = 0.03) -> Ratio:
    return Ratio(value=value, low=value * (1 - spread), high=value * (1 + spread))


def paired(harms: int, gains: int, rows: int, epsilon: float, p: float, upper: float) -> PairedTest:
    loss = (harms - gains) / rows
    return PairedTest(
        n=rows, harms=harms, gains=gains, loss=loss, epsilon=epsilon, p_value=p, upper_bound=upper, confidence=0.95
    )
