"""Times what a step compares: interleaved blocks on the same rows, by all clocks, until an answer is settled or a budget spent.

A block is one pass of every contender, in rotating order, so that drift hits all alike. The stopwatch of a step also meters
what others take of the CPUs meanwhile; what it says in the end decides whether the step's result may be used again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.machine.child_process import usable_cpus
from tasks.machine.machine_lock import exclusive_machine
from tasks.recipe.target import Target
from tasks.records import Disturbance, Technique
from tasks.timing.clocks import ClockName, Clocks, clocks_for
from tasks.timing.cpu_use import CpuMeter
from tasks.timing.disturbance import disturbance
from tasks.timing.speed import Blocks, per_block

WARM_UP_CALLS: Final = 5
_TELL_EVERY_S: Final = 4.0
T = TypeVar("T")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """`fewest` blocks, then more until the answer is settled, `most` are done, or `seconds` have passed.

    The fewest of a comparison are those from which on two clocks can settle anything. With 64 a ratio is settled, four times
    in five, that three blocks in four agree on; with twice as many, one that two in three do: the machine is too noisy then.
    A minute is what a step may take for it: as long as the steps around it.
    """

    fewest: int = 8
    most: int = 64
    seconds: float = 60.0


@dataclass(frozen=True)
class Timed:
    """Milliseconds by clock and contender, (blocks, rows). `disturbance`: of these blocks, None where nobody tells."""

    ms: Mapping[ClockName, Mapping[str, Floats]]
    disturbance: Disturbance | None = None

    @property
    def disturbed(self) -> bool:
        """Whether others took more than their share."""
        return self.disturbance is not None and self.disturbance.disturbed

    def times(self, name: str) -> dict[ClockName, Floats]:
        """(blocks, rows) of one contender, by clock."""
        return {clock: own[name] for clock, own in self.ms.items()}

    def blocks(self, name: str) -> Blocks:
        """(blocks,) means of one contender, by clock."""
        return per_block(self.times(name))

    def rows(self, name: str) -> Floats:
        """(rows,) medians over the blocks: what each row costs, by `steady`."""
        medians: Floats = np.median(self.ms[self.steady][name], axis=0)
        return medians

    @property
    def steady(self) -> ClockName:
        """The clock that costs are told by: the wall's, and the thread's own where others disturbed the machine."""
        return steady_clock(self.ms, disturbed=self.disturbed)


def steady_clock(clocks: Iterable[ClockName], *, disturbed: bool) -> ClockName:
    """The wall's clock; the thread's own, if it is there, where others disturbed the machine."""
    return "cpu" if disturbed and "cpu" in clocks else "wall"


@dataclass(frozen=True)
class Stopwatch:
    """Of one step. `progress` is told who is waited for, and every few seconds how far a long timing is."""

    clocks: Clocks
    progress: Callable[[str], None] = lambda _message: None
    meter: CpuMeter = field(default_factory=lambda: CpuMeter(usable_cpus()))
    now: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, target: Target, progress: Callable[[str], None]) -> "Stopwatch":
        """With the clocks that mean something on the target."""
        return cls(clocks_for(target), progress)

    def interleaved(
        self,
        what: str,
        contenders: Mapping[str, Callable[[T], object]],
        rows: Sequence[T],
        budget: Budget,
        settled: Callable[[Timed], bool] = lambda _timed: False,
    ) -> Timed:
        """Blocks until `settled` or the budget is spent. `what` is timed: its name where others disturb it.

        Waits while others measure on this machine.
        """
        names = list(contenders)
        ms: dict[ClockName, dict[str, list[Floats]]] = {clock: {name: [] for name in names} for clock in self.clocks}
        with exclusive_machine(self.progress):
            for name in names:
                for row in rows[:WARM_UP_CALLS]:
                    contenders[name](row)
            started = told = self.now()
            for block in range(budget.most):
                shift = block % len(names)
                with self.meter.part(what):
                    for name in names[shift:] + names[:shift]:
                        for clock, times in self._row_times(contenders[name], rows).items():
                            ms[clock][name].append(times)
                done = block + 1
                spent = done == budget.most or self.now() - started >= budget.seconds
                if done >= budget.fewest and (spent or settled(self._timed(what, ms))):
                    break
                if self.now() - told >= _TELL_EVERY_S:
                    told = self.now()
                    self.progress(f"{what}: {done} blocks timed, {budget.most} at most")
        return self._timed(what, ms)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Alone on the machine, with what others take of it metered as `what`: for what is timed in another way."""
        with exclusive_machine(self.progress), self.meter.part(what):
            yield

    def disturbance(self, what: str | None = None) -> Disturbance | None:
        """Of one timing, or of all so far: the part of which others took most."""
        return disturbance([use for use in self.meter.uses if what in (None, use.part)])

    def disturbed(self, what: str) -> bool:
        """Whether others took more than their share of one timing."""
        found = self.disturbance(what)
        return found is not None and found.disturbed

    def doubts(self, techniques: Iterable[Technique] = ()) -> tuple[str, ...]:
        """Why what was timed has to be timed again: what is undecided, and who disturbed the machine. Empty where nothing is."""
        found = self.disturbance()
        open_ones = [f"{each.name} is {each.reason}" for each in techniques if each.undecided]
        return (*open_ones, *([found.sentence] if found is not None and found.disturbed else []))

    def _row_times(self, run: Callable[[T], object], rows: Sequence[T]) -> dict[ClockName, Floats]:
        read = list(self.clocks.values())
        marks = np.empty((len(rows) + 1, len(read)))
        marks[0] = [clock() for clock in read]
        for number, row in enumerate(rows, start=1):
            run(row)
            marks[number] = [clock() for clock in read]
        return dict(zip(self.clocks, np.diff(marks, axis=0).T * 1e3, strict=True))

    def _timed(self, what: str, ms: Mapping[ClockName, Mapping[str, Sequence[Floats]]]) -> Timed:
        stacked = {clock: {name: np.stack(blocks) for name, blocks in own.items()} for clock, own in ms.items()}
        return Timed(stacked, self.disturbance(what))
