"""The two clocks that decide: the wall's, which is what a user waits by, and the CPU time of the thread that answers.

Other tenants of a machine take the CPU away in between; the second clock then stands still, and the first does not.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from tasks.recipe.target import Target

ClockName = Literal["wall", "cpu"]
Clocks = Mapping[ClockName, Callable[[], float]]
"""What reads each, in seconds; the wall clock is always among them, and first."""

WALL: Final[Clocks] = MappingProxyType({"wall": time.perf_counter})
WALL_AND_CPU: Final[Clocks] = MappingProxyType({"wall": time.perf_counter, "cpu": time.thread_time})
_COARSEST_S: Final = 1e-6
"""A clock that ticks more slowly tells nothing of an answer that takes less than a millisecond."""


def clocks_for(target: Target) -> Clocks:
    """Those that mean something there.

    The thread's own time is that of an answer only where it does all the work itself: on the CPU, with one thread to a session.
    """
    alone = target.execution_provider == "CPUExecutionProvider" and target.threads == 1
    fine = time.get_clock_info("thread_time").resolution <= _COARSEST_S
    return WALL_AND_CPU if alone and fine else WALL
