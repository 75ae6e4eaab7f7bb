"""How many rows would settle what these rows leave open, if the shares that they show stay: the least by the exact tests.

The tests are those that judge: the exact paired test and the exact interval of a share. Whole counts make the edge of a test
ragged over a few rows; what is returned decides, and one row fewer does not.
"""

import math
from collections.abc import Callable
from typing import Final

from tasks.statistics.binomial import exact_interval
from tasks.statistics.paired_test import paired_p_value

MOST_ROWS: Final = 200_000
"""Beyond it the shares lie so near to the limit that "more rows" is no advice."""


def rows_to_reject(
    n: int, harms: int, gains: int, epsilon: float, delta: float, *, most: int = MOST_ROWS
) -> int | None:
    """The least number of rows above `n` on which the paired test rejects "the loss is at least `epsilon`" at `delta`.

    `harms` and `gains` of `n` rows give the shares; counts of more rows are rounded against the rejection. None where no
    number of rows up to `most` would do.
    """

    def rejected(rows: int) -> bool:
        more_harms = -(-rows * harms // n)
        return paired_p_value(rows, more_harms, min(rows * gains // n, rows - more_harms), epsilon, delta) <= delta

    return _least(rejected, above=n, most=most) if n > 0 and (harms - gains) / n < epsilon else None


def rows_to_decide(n: int, harms: int, gains: int, limit: float, delta: float) -> int | None:
    """The least number of rows above `n` that may tell whether the loss is beyond `limit`, by the paired test at `delta`.

    Either the loss stays as it is seen and is shown to be beyond it, or it was chance, harms and gains of the rows to come
    are as many as one another (as often as they are seen together), and the loss is shown to be within it.
    """

    def within(rows: int) -> bool:
        even = -(-(rows - n) * (harms + gains) // (2 * n))
        more_gains = min(gains + even, rows - harms - even)
        return paired_p_value(rows, harms + even, more_gains, limit, delta) <= delta

    chance = _least(within, above=n)
    return rows_to_reject(n, gains, harms, -limit, delta, most=chance or MOST_ROWS) or chance


def rows_to_reach(n: int, successes: int, floor: float, confidence: float) -> int | None:
    """The least number of rows above `n` on which the lower end of the exact interval of a share reaches `floor`.

    `successes` of `n` rows give the share; those of more rows are rounded down. None where no number up to MOST_ROWS would.
    """

    def reached(rows: int) -> bool:
        return exact_interval(rows * successes // n, rows, confidence).low >= floor

    return _least(reached, above=n) if n > 0 and successes / n > floor else None


def rows_to_narrow(n: int, value: float, bound: float, limit: float) -> int | None:
    """About how many rows bring a bound to `limit` whose distance to `value` falls with the root of the rows, as a
    bootstrap's does; None where no number up to MOST_ROWS would."""
    room, width = abs(value - limit), abs(value - bound)
    if n <= 0 or room == 0:
        return None
    rows = max(n + 1, math.ceil(n * (width / room) ** 2))
    return rows if rows <= MOST_ROWS else None


def _least(settled: Callable[[int], bool], *, above: int, most: int = MOST_ROWS) -> int | None:
    """A number of rows, at most `most`, that settles it where one fewer does not, found by doubling and halving."""
    low, high = above, above + 1
    while high <= most and not settled(high):
        low, high = high, 2 * high if 2 * high <= most or high == most else most
    if high > most:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high
