"""Watching a served router for shift: pure functions over small states, cheap enough for every request.

- Loss against the reference path, on audited requests: an e-detector, a CUSUM of bets (Shin, Ramdas and Rinaldo 2024).
  Its mean time to a false alarm is at least 1 / alpha requests, whatever the distribution of harms with mean <= epsilon.
- Stop shares and confidence ranks: the population stability index of a window against calibration.
- The out-of-scope rate: the same e-detector on flags against the rate that calibration saw.

States are frozen; an update returns the next one. On an alarm, step back along the certified operating points.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

WARN: Final = 0.1
ACT: Final = 0.2
WINDOW: Final = 1000
BETS: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
_SMALLEST_SHARE: Final = 1e-4


class Alarm(Enum):
    """How far a window is from calibration."""

    NONE = "none"
    WARN = "warn"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class EDetector:
    """Sequential evidence that the mean of observations in [-1, 1] has come to exceed `bound`.

    One capital per bet of `BETS`: S ← max(S, 1) · (1 + bet · (observation - bound)). Raises ValueError for a bound outside
    (-1, 1) or an alpha outside (0, 1).
    """

    bound: float
    alpha: float = 1e-4
    capitals: tuple[float, ...] = (0.0,) * len(BETS)
    observations: int = 0

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not -1 < self.bound < 1:
            raise ValueError(f"the bound of a mean in [-1, 1] lies strictly between, got {self.bound}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha lies between 0 and 1, got {self.alpha}")

    def after(self, observation: float) -> "EDetector":
        """The state after one more observation: harm 1, gain -1, else 0; for a rate, 1 or 0."""
        if not -1 <= observation <= 1:
            raise ValueError(f"an observation lies in [-1, 1], got {observation}")
        surplus = observation - self.bound
        capitals = tuple(
            max(capital, 1.0) * (1 + bet * surplus) for capital, bet in zip(self.capitals, BETS, strict=True)
        )
        return EDetector(self.bound, self.alpha, capitals, self.observations + 1)

    @property
    def evidence(self) -> float:
        """Mean capital of all bets."""
        return sum(self.capitals) / len(self.capitals)

    @property
    def alarm(self) -> bool:
        """Whether the evidence has reached 1 / alpha."""
        return self.evidence >= 1 / self.alpha


@dataclass(frozen=True, slots=True)
class ShareMonitor:
    """Shares of categories in windows of `window` requests against `expected` shares (they sum to 1).

    `last_index`: population stability index of the last full window, None before the first.
    """

    expected: tuple[float, ...]
    window: int = WINDOW
    counts: tuple[int, ...] = ()
    last_index: float | None = None

    def after(self, category: int) -> "ShareMonitor":
        """The state after one more request in `category` (its number among `expected`)."""
        if not 0 <= category < len(self.expected):
            raise ValueError(f"category {category} of {len(self.expected)}")
        counts = list(self.counts or (0,) * len(self.expected))
        counts[category] += 1
        if sum(counts) < self.window:
            return ShareMonitor(self.expected, self.window, tuple(counts), self.last_index)
        index = population_stability_index(self.expected, [count / self.window for count in counts])
        return ShareMonitor(self.expected, self.window, (), index)

    @property
    def alarm(self) -> Alarm:
        """By the last full window: from 0.1 a warning, from 0.2 act."""
        if self.last_index is None or self.last_index < WARN:
            return Alarm.NONE
        return Alarm.ACT if self.last_index >= ACT else Alarm.WARN


def stop_share_monitor(shares: Mapping[str, float], window: int = WINDOW) -> ShareMonitor:
    """A monitor of the paths that answered; categories are in the order of `shares`."""
    return ShareMonitor(tuple(shares.values()), window)


def rank_monitor(deciles: int = 10, window: int = WINDOW) -> ShareMonitor:
    """A monitor of confidence ranks: categories are the calibration deciles, all equally likely."""
    return ShareMonitor((1 / deciles,) * deciles, window)


def rank_category(confidence: float, edges: Sequence[float]) -> int:
    """Which decile a confidence is in; `edges`: the ascending inner edges among calibration rows, one fewer than deciles."""
    return bisect_right(edges, confidence)


def population_stability_index(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Sum over categories of (actual - expected) · ln(actual / expected); empty categories count as a ten-thousandth."""
    if len(expected) != len(actual):
        raise ValueError(f"{len(expected)} expected shares, {len(actual)} actual ones")
    pairs = [(max(a, _SMALLEST_SHARE), max(b, _SMALLEST_SHARE)) for a, b in zip(expected, actual, strict=True)]
    return sum((own - want) * math.log(own / want) for want, own in pairs)
