"""A run of a pool is waited for patiently, its worker's death is noticed, and what it says is handed on in its words."""

from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from flows.pools.runs import SILENCE_MEANS_DEATH_S, PoolRun, failure, wait_for
from registry.benchmark_jobs import Beat
from tasks.benchmark.errors import BenchmarkError
from tasks.errors import UserError


class FakePool:
    """Goes through the given states, one per look, and stays in the last."""

    name = "edge-boxes"

    def __init__(self, *states: str | None, served: bool = True) -> None:
        self.states: Iterator[str | None] = chain(states, repeat(states[-1]))
        self.is_served = served
        self.given_up: list[str] = []

    def start(self, key: str) -> PoolRun:
        raise NotImplementedError(key)

    def look(self, run_id: str) -> PoolRun | None:
        state = next(self.states)
        return None if state is None else PoolRun(run_id, state, state.title())

    def served(self) -> bool:
        return self.is_served

    def give_up(self, run_id: str, reason: str) -> None:
        self.given_up.append(f"{run_id}: {reason}")


class Waiting:
    """A clock that sleeping moves, the beats that a worker sends, and what a person is told."""

    def __init__(self, *beats: Beat | None) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.beats = chain(beats, repeat(beats[-1] if beats else None))

    def wait_for(self, pool: FakePool, *, timeout_s: float = 7200.0) -> PoolRun:
        return wait_for(
            pool,
            PoolRun("run", "SCHEDULED", "Scheduled"),
            last_beat=lambda: next(self.beats),
            progress=lambda message, _fraction=None: self.told.append(message),
            timeout_s=timeout_s,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_run_is_followed_to_its_end_and_each_message_is_told_once() -> None:
    beats = [Beat(count=1, message="Server, 1500 queries"), Beat(count=2, message="Server, 1500 queries")]
    waiting = Waiting(*beats, Beat(count=3, message="cold starts", fraction=0.95))
    ended = waiting.wait_for(FakePool("SCHEDULED", "PENDING", "RUNNING", "RUNNING", "RUNNING", "COMPLETED"))
    assert ended.completed
    assert waiting.told == [
        "waiting for a worker of edge-boxes to be free",
        "a worker of edge-boxes is about to begin",
        "edge-boxes: Server, 1500 queries",
        "edge-boxes: cold starts",
    ]


def test_a_pool_without_a_worker_says_how_to_start_one_and_times_out_with_it() -> None:
    waiting, pool = Waiting(), FakePool("SCHEDULED", served=False)
    with pytest.raises(UserError, match=r"within 2 minutes: the run is Scheduled; no worker took it \(prefect worker"):
        waiting.wait_for(pool, timeout_s=120)
    assert waiting.told == [
        "waiting: no worker serves edge-boxes; start one on its machine: "
        "prefect worker start --pool edge-boxes --limit 1"
    ]
    assert pool.given_up == []


def test_a_worker_that_falls_silent_is_declared_dead() -> None:
    waiting, pool = Waiting(Beat(count=7, message="Server, 1500 queries")), FakePool("RUNNING")
    with pytest.raises(BenchmarkError, match="the worker of the pool edge-boxes died: no sign of life for 300 s"):
        waiting.wait_for(pool)
    assert pool.given_up == ["run: no sign of life for 300 s"]
    assert waiting.now < 2 * SILENCE_MEANS_DEATH_S


def test_a_worker_that_lives_may_measure_for_as_long_as_the_target_allows() -> None:
    waiting = Waiting(*(Beat(count=number, message="measuring") for number in range(3000)))
    pool = FakePool(*["RUNNING"] * 2000, "COMPLETED")
    assert waiting.wait_for(pool).completed
    assert waiting.now > 10 * SILENCE_MEANS_DEATH_S


def test_a_server_that_does_not_answer_is_no_silence_of_the_worker() -> None:
    waiting = Waiting(Beat(count=1, message="measuring"))
    pool = FakePool("RUNNING", *[None] * 1000, "RUNNING", "COMPLETED")
    assert waiting.wait_for(pool).completed


def test_a_refusal_there_is_the_persons_to_mend_and_a_crash_is_not() -> None:
    raised = "Flow run encountered an exception: UserError: fingerprint: target 'edge' declares another machine"
    refused = failure("edge-boxes", PoolRun("run", "FAILED", "Failed", raised))
    assert isinstance(refused, UserError)
    assert str(refused) == (
        "the worker of the pool edge-boxes refused: fingerprint: target 'edge' declares another machine"
    )
    crashed = failure("edge-boxes", PoolRun("run", "CRASHED", "Crashed", "exited with status code -9"))
    assert isinstance(crashed, BenchmarkError)
    assert "ended as Crashed: exited with status code -9; see its worker's log" in str(crashed)
