"""Whether one of two things is faster: from interleaved blocks, looked at after each, by the clock that can tell.

The ratio is taken within each block, so that a machine that slows down for a while slows both; a confidence sequence of its
median may be looked at as often as one likes. The wall clock decides. Where it has not, or others disturbed the machine, the
thread's CPU time may: the two share the error, so that both looks together are wrong with 5 %. Where neither tells, nothing
was found out, which is no finding against the candidate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.records import Ratio
from tasks.statistics.median_sequence import median_interval
from tasks.timing.clocks import ClockName

ERROR: Final = 0.05
"""Of all looks at all clocks together."""
AS_FAST: Final = 1.03
"""Two speeds closer than this are alike: less than one run differs from the next. What time cannot tell apart, an order does

that time has no say in; without such a margin two things that are equally fast would be decided by noise, or never.
"""
Floats = NDArray[np.float64]
Blocks = Mapping[ClockName, Floats]
"""(blocks,) milliseconds by each clock."""


@dataclass(frozen=True)
class Question:
    """Yes where the whole interval of the ratio lies above `yes`, no where it lies below `no`; the margin between is either."""

    yes: float
    no: float

    def answer(self, ratio: Ratio) -> bool | None:
        """None where the interval settles nothing."""
        if ratio.low > self.yes:
            return True
        return False if ratio.high < self.no else None


IS_FASTER: Final = Question(yes=1.0, no=AS_FAST)
IS_NOT_SLOWER: Final = Question(yes=1 / AS_FAST, no=1.0)


@dataclass(frozen=True)
class Speed:
    """What was found: how many times faster, by which clock, after how many blocks; milliseconds are medians by that clock.

    `answer`: to the question that was asked, None while it is open.
    """

    ratio: Ratio
    answer: bool | None
    clock: ClockName
    blocks: int
    own_ms: float
    parent_ms: float

    @property
    def faster(self) -> bool:
        """Whether it is shown to be faster, whatever was asked."""
        return self.ratio.low > 1

    @property
    def by(self) -> str:
        """Which clock told, where it is not the wall's; to follow a number."""
        return " by the thread's CPU time" if self.clock == "cpu" else ""

    @property
    def times(self) -> str:
        """The estimate, for a reason."""
        return f"{self.ratio.value:.2f}x{self.by}"

    @property
    def sentence(self) -> str:
        """The estimate with its interval, for what is open."""
        return f"{self.ratio.value:.2f}x ({self.ratio.low:.2f} to {self.ratio.high:.2f}) after {self.blocks} blocks{self.by}"


def compare_speed(parent: Blocks, own: Blocks, *, disturbed: bool, question: Question = IS_FASTER) -> Speed:
    """`parent`, `own`: of the same blocks, by the same clocks. Raises ValueError for times that are not

    positive and finite, and for too few blocks.
    """
    level = ERROR / len(own)
    by_clock = {clock: _speed(clock, parent[clock], own[clock], level, question) for clock in own}
    wall, cpu = by_clock["wall"], by_clock.get("cpu")
    if cpu is None or (wall.answer is not None and not disturbed):
        return wall
    if cpu.answer is None and (wall.answer is not None or not disturbed):
        return wall
    return cpu


def per_block(times: Mapping[ClockName, Floats]) -> Blocks:
    """(blocks,) means of (blocks, rows)."""
    return {clock: found.mean(axis=1) for clock, found in times.items()}


def faster_of(one: Blocks, other: Blocks) -> Blocks:
    """Of two ways to do the same, whichever took less in each block: no choice that depends on other blocks enters."""
    return {clock: np.minimum(one[clock], other[clock]) for clock in one}


def _speed(clock: ClockName, parent: Floats, own: Floats, level: float, question: Question) -> Speed:
    if parent.ndim != 1 or parent.shape != own.shape or not len(parent):
        raise ValueError(f"need two rows of as many blocks; got shapes {parent.shape} and {own.shape}")
    for times in (parent, own):
        if not (np.isfinite(times).all() and (times > 0).all()):
            raise ValueError("times must be positive and finite")
    ratios = parent / own
    low, high = median_interval(ratios, level)
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{len(ratios)} blocks are too few for any interval")
    ratio = Ratio(value=float(np.median(ratios)), low=low, high=high)
    return Speed(ratio, question.answer(ratio), clock, len(ratios), float(np.median(own)), float(np.median(parent)))
