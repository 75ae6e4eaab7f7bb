"""Interleaved timing of callables on the same rows: blocks in rotating order, so that drift hits all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.machine_lock import exclusive_machine

WARM_UP_CALLS: Final = 5
T = TypeVar("T")


def interleaved_means(
    contenders: Mapping[str, Callable[[T], object]],
    rows: Sequence[T],
    repeats: int,
    progress: Callable[[str], None],
) -> dict[str, NDArray[np.float64]]:
    """Mean milliseconds per row of every contender in each of `repeats` blocks: name → (repeats,).

    Waits while others measure on this machine, and tells `progress` so.
    """
    names = list(contenders)
    means = {name: np.zeros(repeats) for name in names}
    with exclusive_machine(progress):
        for name in names:
            for row in rows[:WARM_UP_CALLS]:
                contenders[name](row)
        for block in range(repeats):
            shift = block % len(names)
            for name in names[shift:] + names[:shift]:
                means[name][block] = mean_milliseconds(contenders[name], rows)
    return means


def interleaved_row_times(
    contenders: Mapping[str, Callable[[T], object]],
    rows: Sequence[T],
    repeats: int,
    progress: Callable[[str], None],
) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of every contender for each row, medians over `repeats` blocks: name → (rows,).

    Waits while others measure on this machine, and tells `progress` so.
    """
    times = interleaved_times(contenders, rows, repeats, progress)
    return {name: np.median(blocks, axis=0) for name, blocks in times.items()}


def interleaved_times(
    contenders: Mapping[str, Callable[[T], object]],
    rows: Sequence[T],
    repeats: int,
    progress: Callable[[str], None],
) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of every contender for each row in each of `repeats` blocks: name → (repeats, rows).

    Waits while others measure on this machine, and tells `progress` so.
    """
    names = list(contenders)
    times = {name: np.zeros((repeats, len(rows))) for name in names}
    with exclusive_machine(progress):
        for name in names:
            for row in rows[:WARM_UP_CALLS]:
                contenders[name](row)
        for block in range(repeats):
            shift = block % len(names)
            for name in names[shift:] + names[:shift]:
                times[name][block] = [mean_milliseconds(contenders[name], [row]) for row in rows]
    return times


def mean_milliseconds(run: Callable[[T], object], rows: Sequence[T]) -> float:
    """Mean wall-clock milliseconds per row."""
    started = time.perf_counter()
    for row in rows:
        run(row)
    return (time.perf_counter() - started) / len(rows) * 1e3
