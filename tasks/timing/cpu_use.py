"""How much of the CPUs' time a measurement left idle and used itself; what remains is what others took of it.

Time not idle and not our own is the one signal that means the same while we use one core and while we use all: the
delay of our own threads in the run queues does not, for they also queue behind each other. It holds what other
processes and the kernel ran, and what a hypervisor stole. It is read before and after a part and never within.
"""

import os
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.artifact import Record

_STATISTICS: Final = Path("/proc/stat")
_IDLE_FIELDS: Final = slice(3, 5)
"""Of the fields of a CPU in /proc/stat: idle, and idle while it waits for a disk."""


class CpuUse(Record):
    """CPU time during one part: of `cpus` CPUs over `wall_s` seconds, how much was idle and how much our own (seconds)."""

    part: str
    wall_s: float
    cpus: int
    idle_s: float
    own_s: float


class CpuMeter:
    """Meters the parts of a measurement; `uses` holds one record for each.

    `own_s`: CPU seconds used so far by those that count as the measurement; None takes this process.
    """

    def __init__(self, cpus: Set[int], own_s: Callable[[], float] = time.process_time) -> None:
        self.uses: list[CpuUse] = []
        self._cpus = cpus
        self._own_s = own_s

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Meters what is done within it; nothing is recorded where the system does not tell, or after an error."""
        idle, own, begin = idle_seconds(self._cpus), self._own_s(), time.monotonic()
        yield
        wall, own_after, idle_after = time.monotonic() - begin, self._own_s(), idle_seconds(self._cpus)
        if idle is not None and idle_after is not None:
            use = CpuUse(part=name, wall_s=wall, cpus=len(self._cpus), idle_s=idle_after - idle, own_s=own_after - own)
            self.uses.append(use)


def idle_seconds(cpus: Set[int], statistics: Path = _STATISTICS) -> float | None:
    """Seconds for which these logical CPUs have been idle since the machine started, summed; None if nobody tells."""
    try:
        lines = statistics.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = {name: values for name, *values in (line.split() for line in lines if line.startswith("cpu"))}
    wanted = [[int(value) for value in fields.get(f"cpu{cpu}", ())] for cpu in sorted(cpus)]
    # Some sandboxes offer the file and count nothing in it.
    if not wanted or any(sum(values) == 0 for values in wanted):
        return None
    return sum(sum(values[_IDLE_FIELDS]) for values in wanted) / os.sysconf("SC_CLK_TCK")
