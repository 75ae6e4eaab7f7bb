"""A machine of made-up time: what runs on it takes as long as the test says, and others take what it says of the CPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks.timing.cpu_use import CpuMeter, CpuUse
from tasks.timing.stopwatch import Stopwatch


@dataclass
class Machine:
    """One CPU. `costs`: milliseconds of CPU time by contender; `others`: the share of the CPU that others take."""

    costs: dict[str, float]
    others: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    order: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Stopwatch(
            {"wall": lambda: self.wall_s, "cpu": lambda: self.cpu_s},
            self.told.append,
            MadeUpMeter(self),
            lambda: self.wall_s,
        )

    def spend(self, milliseconds: float) -> None:
        """Of CPU time; it takes longer by the wall's clock where others have their share."""
        self.cpu_s += milliseconds / 1e3
        self.wall_s += milliseconds / 1e3 / (1 - self.others)

    @property
    def runs(self) -> dict[str, Callable[[object], None]]:
        """The contenders."""
        return {name: lambda _row, name=name: self._run(name) for name in self.costs}  # type: ignore[misc]

    def _run(self, name: str) -> None:
        self.order.append(name)
        self.spend(self.costs[name])


class MadeUpMeter(CpuMeter):
    """Tells what the machine's clocks say, and no idle time."""

    def __init__(self, machine: Machine) -> None:
        super().__init__({0})
        self._machine = machine

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        wall, own = self._machine.wall_s, self._machine.cpu_s
        yield
        wall_s, own_s = self._machine.wall_s - wall, self._machine.cpu_s - own
        self.uses.append(CpuUse(part=name, wall_s=wall_s, cpus=1, idle_s=0.0, own_s=own_s))
