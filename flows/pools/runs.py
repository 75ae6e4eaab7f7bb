"""A run in a work pool, waited for: which state it is in, whether its worker still lives, and why it came to nothing.

What Prefect's server and the worker tell comes through `Pool` and a function, so that all of it is tested without them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from registry.benchmark_jobs import Beat
from tasks.benchmark.errors import BenchmarkError
from tasks.errors import UserError

BEAT_EVERY_S: Final = 15.0
SILENCE_MEANS_DEATH_S: Final = 300.0
"""A worker tells that it lives every fifteen seconds; MLflow's client may take minutes to get over a server's restart."""
_LOOK_EVERY_S: Final = 2.0
_FINAL: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_TAKEN: Final = frozenset({"PENDING", "RUNNING", "CANCELLING"})


@dataclass(frozen=True)
class PoolRun:
    """A flow run as Prefect's server tells it: `state` is its type (`RUNNING`), `name` the shown one (`Late`).

    `job`: the URI of the job that it was started with, by whoever was the first to ask.
    """

    id: str
    state: str
    name: str
    message: str = ""
    job: str = ""

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in _FINAL

    @property
    def completed(self) -> bool:
        """Whether it has ended well."""
        return self.state == "COMPLETED"


class Pool(Protocol):
    """The work pool of one target."""

    @property
    def name(self) -> str:
        """What the pool is called."""
        ...

    def start(self, key: str) -> PoolRun:
        """Starts a run, or finds the one that was started with this key before."""
        ...

    def look(self, run_id: str) -> PoolRun | None:
        """The run as it is now; None where the server does not answer."""
        ...

    def served(self) -> bool:
        """Whether a worker is there."""
        ...

    def give_up(self, run_id: str, reason: str) -> None:
        """Declares a run dead."""
        ...


def wait_for(
    pool: Pool,
    run: PoolRun,
    *,
    last_beat: Callable[[], Beat | None],
    progress: Callable[..., None],
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> PoolRun:
    """The run when it has ended, well or not.

    Raises UserError after `timeout_s` seconds, leaving the run where it is, and BenchmarkError where it was begun and has
    given no sign of life for `SILENCE_MEANS_DEATH_S`; it is declared dead then.
    """
    begun = changed = clock()
    sign: object = None
    told = ""
    while not run.final:
        if clock() - begun > timeout_s:
            raise UserError(_too_late(pool, run, timeout_s))
        beat = last_beat() if run.state == "RUNNING" else None
        if (run.state, beat) != sign:
            sign, changed = (run.state, beat), clock()
        elif run.state in _TAKEN and clock() - changed > SILENCE_MEANS_DEATH_S:
            reason = f"no sign of life for {SILENCE_MEANS_DEATH_S:.0f} s"
            pool.give_up(run.id, reason)
            raise BenchmarkError(
                f"the worker of the pool {pool.name} died: {reason} in state {run.name}; see its log, then run again"
            )
        message = _message(pool, run, beat)
        if message != told:
            told = message
            progress(message, beat.fraction if beat else None)
        sleep(_LOOK_EVERY_S)
        looked = pool.look(run.id)
        if looked is None:
            changed = clock()  # nobody tells: no silence of the worker
        run = looked or run
    return run


def failure(pool: str, run: PoolRun) -> Exception:
    """Why a run that ended came to nothing: what a person there can mend, in the worker's words, or a crash."""
    _, said, words = run.message.partition(f"{UserError.__name__}: ")
    if said:
        return UserError(f"the worker of the pool {pool} refused: {words}")
    reason = run.message or "it gave no reason"
    return BenchmarkError(f"the benchmark in the pool {pool} ended as {run.name}: {reason}; see its worker's log")


def _message(pool: Pool, run: PoolRun, beat: Beat | None) -> str:
    if run.state == "RUNNING":
        return f"{pool.name}: {beat.message}" if beat else f"a worker of {pool.name} has begun"
    if run.state in _TAKEN:
        return f"a worker of {pool.name} is about to begin"
    if pool.served():
        return f"waiting for a worker of {pool.name} to be free"
    return f"waiting: no worker serves {pool.name}; start one on its machine: {start_command(pool.name)}"


def start_command(pool: str) -> str:
    """What a person types on the pool's machine."""
    return f"prefect worker start --pool {pool} --limit 1"


def _too_late(pool: Pool, run: PoolRun, timeout_s: float) -> str:
    waits = "" if run.state in _TAKEN else f"; no worker took it ({start_command(pool.name)})"
    return (
        f"no answer from the pool {pool.name} within {timeout_s / 60:g} minutes: the run is {run.name}{waits}. It is left "
        "there; run the recipe again to go on waiting, or raise the target's timeout_minutes"
    )
