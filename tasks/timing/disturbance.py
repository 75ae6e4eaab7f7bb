"""Whether others disturbed a measurement, and measuring again until one is not disturbed.

A measurement on a busy machine says little about the model: a benchmark is repeated a few times, the verdict takes no
failure from one that stayed disturbed, and no step that was disturbed is sealed for reuse.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from tasks.records import Disturbance
from tasks.timing.cpu_use import CpuUse

DISTURBED_SHARE: Final = 0.1
"""Of the usable CPUs' time. The pipeline's own parent process and its Prefect server were seen to take 1 % of two cores;
one busy process beside the measurement takes 25 % of them or more."""
_SHORTEST_S: Final = 1.0
"""The system counts idle time in hundredths of a second per CPU; a shorter part says nothing by itself."""
_WHOLE: Final = "the whole measurement"


class _Measured(Protocol):
    @property
    def disturbance(self) -> Disturbance | None: ...


M = TypeVar("M", bound=_Measured)


def disturbance(uses: Sequence[CpuUse], *, attempts: int = 1) -> Disturbance | None:
    """The part of which others took most; None where no CPU time was told, or too little for its clock.

    Parts of one name count as one.
    """
    parts: dict[str, list[CpuUse]] = {}
    for use in uses:
        parts.setdefault(use.part, []).append(use)
    if sum(use.wall_s for use in uses) < _SHORTEST_S:
        return None
    long = {name: own for name, own in parts.items() if sum(use.wall_s for use in own) >= _SHORTEST_S}
    # The whole counts as well, for what happened in parts that are too short to be looked at one by one.
    shares = {name: _share_of_others(own) for name, own in {**long, _WHOLE: list(uses)}.items()}
    during = max(shares, key=lambda name: shares[name])
    share = shares[during]
    return Disturbance(share=share, during=during, disturbed=share > DISTURBED_SHARE, attempts=attempts)


def least_disturbed(
    measure: Callable[[int], M], *, retries: int, busy: Callable[[str], None] = lambda _message: None
) -> tuple[M, int]:
    """Calls `measure` with 1, 2, … until it was not disturbed, at most `1 + retries` times.

    Returns the least disturbed measurement and how many were made. `busy` is told before each repetition. A system that
    does not tell gives nothing to choose by: its first measurement counts.
    """
    best = measure(1)
    made = 1
    while best.disturbance is not None and best.disturbance.disturbed and made <= retries:
        busy(f"the machine is busy: {best.disturbance.sentence}; measuring again ({made} of {retries})")
        made += 1
        best = min(best, measure(made), key=_share)
    return best, made


def _share(measured: _Measured) -> float:
    return measured.disturbance.share if measured.disturbance else 1.0


def _share_of_others(uses: Sequence[CpuUse]) -> float:
    available = sum(use.wall_s * use.cpus for use in uses)
    others = available - sum(use.idle_s + use.own_s for use in uses)
    # Idle time is counted by another clock than ours, so a quiet part can come out slightly below nothing.
    return min(1.0, max(0.0, others / available)) if available > 0 else 0.0
