"""Interleaved blocks with made-up clocks: when they end, which clock tells costs, and what is said of a disturbed machine."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tasks.recipe.target import Target
from tasks.records import Disturbance
from tasks.timing.clocks import WALL_AND_CPU, clocks_for
from tasks.timing.cpu_use import CpuMeter, CpuUse
from tasks.timing.stopwatch import Budget, Stopwatch, Timed
from tests.made_up_time import Machine


def test_blocks_end_where_the_answer_is_settled_or_after_the_most(machine: Callable[..., Machine]) -> None:
    here = machine(fast=1.0, slow=2.0)
    looked: list[int] = []

    def settled(timed: Timed) -> bool:
        looked.append(len(timed.blocks("fast")["wall"]))
        return looked[-1] == 11

    timed = here.watch.interleaved("times", here.runs, [0, 1, 2], Budget(), settled)
    assert looked == [8, 9, 10, 11]
    assert timed.times("slow")["wall"].shape == (11, 3)
    assert timed.blocks("slow")["wall"] == pytest.approx(np.full(11, 2.0))
    never = here.watch.interleaved("times", here.runs, [0], Budget(most=20))
    assert len(never.blocks("fast")["cpu"]) == 20


def test_a_budget_of_seconds_ends_slow_ones_but_not_before_anything_can_be_told(machine) -> None:
    here = machine(fast=4_000.0, slow=5_000.0)
    timed = here.watch.interleaved("times", here.runs, [0], Budget(seconds=60))
    assert len(timed.blocks("fast")["wall"]) == 8
    quicker = machine(fast=900.0, slow=1100.0)
    assert len(quicker.watch.interleaved("times", quicker.runs, [0], Budget(seconds=60)).blocks("fast")["wall"]) == 30


def test_whoever_waits_is_told_how_far_a_long_timing_is(machine) -> None:
    here = machine(fast=1_000.0, slow=1_000.0)
    here.watch.interleaved("the times of two", here.runs, [0], Budget(fewest=8, most=8))
    told = [message for message in here.told if message.startswith("the times of two")]
    assert told == [f"the times of two: {done} blocks timed, 8 at most" for done in (2, 4, 6)]


def test_all_take_turns_to_be_first(machine) -> None:
    here = machine(a=1.0, b=1.0, c=1.0)
    here.watch.interleaved("times", here.runs, [0], Budget(fewest=8, most=8))
    order = here.order[3:]  # after one call each to warm up
    assert [order[number : number + 3] for number in (0, 3, 6, 9)] == [
        list("abc"),
        list("bca"),
        list("cab"),
        list("abc"),
    ]


def test_while_others_take_the_cpu_the_wall_clock_runs_on_and_the_threads_own_does_not(machine) -> None:
    here = machine(others=0.5, fast=100.0, slow=200.0)
    timed = here.watch.interleaved("times", here.runs, [0, 1], Budget(fewest=8, most=8))
    assert timed.disturbed
    assert timed.blocks("fast")["wall"] == pytest.approx(np.full(8, 200.0))
    assert timed.blocks("fast")["cpu"] == pytest.approx(np.full(8, 100.0))
    assert timed.steady == "cpu"
    assert timed.rows("slow") == pytest.approx([200.0, 200.0])
    assert here.watch.doubts() == ("others took 50% of the CPUs' time during times",)


def test_costs_are_by_the_wall_clock_where_nobody_disturbs_and_nothing_is_in_doubt(machine) -> None:
    here = machine(fast=100.0, slow=200.0)
    timed = here.watch.interleaved("times", here.runs, [0], Budget(fewest=8, most=8))
    assert (timed.disturbed, timed.steady) == (False, "wall")
    assert here.watch.doubts() == ()


def test_a_rows_cost_is_no_mean_that_a_few_disturbed_blocks_could_move(machine) -> None:
    here = machine(fast=1.0)
    calls = itertools.count()

    def sometimes_slow(_row: object) -> None:
        here.spend(900.0 if next(calls) % 3 == 0 else 1.0)

    timed = here.watch.interleaved("times", {"odd": sometimes_slow}, [0], Budget(fewest=9, most=9))
    assert timed.rows("odd") == pytest.approx([1.0])


def test_each_timing_is_looked_at_by_itself_and_the_worst_is_named() -> None:
    meter = CpuMeter({0})
    watch = Stopwatch(WALL_AND_CPU, meter=meter)
    meter.uses += [
        CpuUse(part="the drafts", wall_s=5, cpus=2, idle_s=5, own_s=5),
        CpuUse(part="the costs", wall_s=5, cpus=2, idle_s=1, own_s=5),
    ]
    assert not watch.disturbed("the drafts")
    assert watch.disturbed("the costs")
    assert watch.doubts() == ("others took 40% of the CPUs' time during the costs",)


def test_the_threads_own_clock_is_read_only_where_it_is_that_of_an_answer() -> None:
    assert list(clocks_for(Target(name="here"))) == ["wall", "cpu"]
    assert list(clocks_for(Target(name="here", threads=2))) == ["wall"]
    assert list(clocks_for(Target(name="gpu", execution_provider="CUDAExecutionProvider"))) == ["wall"]


def test_what_was_timed_without_a_meter_is_not_disturbed() -> None:
    assert not Timed({"wall": {"a": np.ones((8, 1))}}).disturbed
    busy = Disturbance(share=0.3, during="times", disturbed=True, attempts=1)
    assert Timed({"wall": {"a": np.ones((8, 1))}}, busy).steady == "wall"


@pytest.fixture
def machine(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    """A machine of one CPU, by what each contender costs there and what others take of it."""
    monkeypatch.setenv("MIAOTUI_LOCK_FOLDER", str(tmp_path))
    return lambda others=0.0, **costs: Machine(costs, others)
