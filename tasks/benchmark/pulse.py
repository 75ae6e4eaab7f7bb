"""Tells the watching process how far a measurement is, and after how much silence the measuring one hangs.

How slow a model may be is measured and never assumed: every answer is a sign of life, and the slowest so far says how long
the next one is waited for. So a model that takes seconds for an answer is measured to its end, however many there are.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tasks.benchmark.job import Phase


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence that mean a hang: `hang_s` and `factor` times the longest expected or measured time for an answer.

    `untimed_s`: at least so many while nothing is known of a model. `beat_s`: time between two signs of life that are told.
    """

    hang_s: float = 120.0
    factor: float = 10.0
    untimed_s: float = 600.0
    beat_s: float = 15.0


PATIENCE: Final = Patience()


class Pulse:
    """Use `phase` where something begins, and `beat` after every answer, from any thread."""

    def __init__(
        self,
        report: Callable[[Phase], None],
        patience: Patience = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self._patience, self._clock = report, patience, clock
        self._lock = threading.Lock()
        self._slowest_s = 0.0
        self._message, self._fraction, self._floor_s = "", 0.0, 0.0
        self._answers = 0
        self._last = self._told = clock()

    def phase(self, message: str, fraction: float, *, gap_s: float = 0.0, untimed: bool = False) -> None:
        """Tell what begins. `gap_s`: expected time between answers, where they are waited for; `untimed`: of a new model."""
        with self._lock:
            floor_s = self._patience.hang_s + self._patience.factor * gap_s
            self._floor_s = max(floor_s, self._patience.untimed_s) if untimed else floor_s
            self._message, self._fraction, self._answers = message, fraction, 0
            self._last = self._told = self._clock()
            self._tell(message)

    def beat(self) -> None:
        """An answer has come."""
        with self._lock:
            now = self._clock()
            self._slowest_s = max(self._slowest_s, now - self._last)
            self._last = now
            self._answers += 1
            if now - self._told >= self._patience.beat_s:
                self._told = now
                self._tell(f"{self._message}: {self._answers:,} answers so far")

    def _tell(self, message: str) -> None:
        measured_s = self._patience.hang_s + self._patience.factor * self._slowest_s
        self._report(Phase(message=message, fraction=self._fraction, limit_s=max(self._floor_s, measured_s)))
