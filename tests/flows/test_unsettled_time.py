"""A machine that is busy, then quiet: nothing fails for time, nothing open is reused, and the same command ends in a PASS.

Steps, cache, verdict and what the next run reuses are the real ones; clocks, meter and noise are made up.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from flows.home import Home
from flows.progress import SilentObserver
from flows.steps.cache import StepCache
from flows.steps.code_digest import Code
from flows.steps.runner import StepRunner
from registry.checks import Check, Outcome
from registry.gates import performance_checks
from tasks.artifact import Artifact, Record, Workspace
from tasks.families.generation.choose_student import choice_of, judged
from tasks.families.generation.records import StudentChoice
from tasks.records import BenchmarkResult, Contender, Ratio
from tasks.step import Step
from tasks.techniques import Measured
from tasks.timing.speed import Speed, compare_speed
from tasks.timing.stopwatch import Budget, Timed
from tests.made_up_time import Machine

MODULE = "fake_steps_of_a_busy_machine"
CHOOSE = Step("choose-student", f"{MODULE}:choose", StudentChoice, measures=True)
BUNDLE = Step("bundle", f"{MODULE}:bundle", Record)
BENCHMARK = Step("benchmark", f"{MODULE}:benchmark", BenchmarkResult, measures=True)
SPEEDUP = 1.2


@dataclass
class World:
    """`others`: share of the CPU that they take; `noise`: of every answer's time, on a logarithmic scale."""

    others: float = 0.0
    noise: float = 0.0
    computed: list[str] = field(default_factory=list)

    def choose(self, *, workspace: Workspace) -> StudentChoice:
        """Times a student that is twice as fast as the full model."""
        del workspace
        self.computed.append("choose-student")
        machine, chance = Machine({}, self.others), np.random.default_rng(5)

        def run(milliseconds: float):
            return lambda _row: machine.spend(milliseconds * np.exp(chance.normal(0, self.noise)))

        def compared(timed: Timed) -> Speed:
            return compare_speed(timed.blocks("fp32"), timed.blocks("distilled"), disturbed=timed.disturbed)

        timed = machine.watch.interleaved(
            "the times of the students",
            {"fp32": run(100.0), "distilled": run(50.0)},
            range(4),
            Budget(),
            lambda timed: compared(timed).answer is not None,
        )
        full, small = (Measured(name, np.arange(1000) < 950, 10.0) for name in ("fp32", "distilled"))
        found = judged(small, full, compared(timed), agreement=0.99, parity=0.0, confidence=0.95)
        return choice_of([found]).model_copy(update={"provisional": machine.watch.doubts([found])})

    def bundle(self, choice: Artifact[StudentChoice], *, workspace: Workspace) -> Record:
        """What is made of the choice."""
        self.computed.append("bundle")
        (workspace.out / "ladder").write_text(str(choice.result.chosen), encoding="utf-8")
        return Record()

    def benchmark(self, bundle: Artifact[Record], *, workspace: Workspace) -> BenchmarkResult:
        """The ladder with a student is twice as fast, and looks slower while others disturb."""
        del workspace
        self.computed.append("benchmark")
        machine = Machine({}, self.others)
        with machine.watch.alone("the interleaved comparison"):
            machine.spend(5000.0)
        ratio = (2.0 if (bundle.folder / "ladder").read_text(encoding="utf-8") == "distilled" else 1.0) * (
            1 - self.others
        )
        contender = Contender(
            name="adaptive",
            mean_ms=1,
            p50_ms=1,
            p99_ms=1,
            speedup=Ratio(value=ratio, low=0.95 * ratio, high=1.05 * ratio),
        )
        return BENCHMARKED.model_copy(
            update={
                "contenders": (contender,),
                "disturbance": machine.watch.disturbance(),
                "provisional": machine.watch.doubts(),
            }
        )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("MIAOTUI_LOCK_FOLDER", str(tmp_path))
    made, module = World(), ModuleType(MODULE)
    for name in ("choose", "bundle", "benchmark"):
        setattr(module, name, getattr(made, name))
    monkeypatch.setitem(sys.modules, MODULE, module)
    return made


def run(folder: Path, *, measure_again: bool = False) -> tuple[StudentChoice, Check, tuple[str, ...]]:
    """One run over the home, as `miaotui run` makes it: the choice, the verdict on speed, and what is on the record."""
    cache = StepCache(
        Home(folder), code=lambda _: Code("code", (MODULE,), {}), machine=lambda: "this", measure_again=measure_again
    )
    steps = StepRunner(cache, SilentObserver(), call=lambda _name, function: function())
    choice = steps.run(CHOOSE, {})
    bundle = steps.run(BUNDLE, {"choice": choice})
    unsettled = steps.provisional
    benchmark = steps.run(BENCHMARK, {"bundle": bundle})
    (check,) = performance_checks("speedup", SPEEDUP, benchmark.result, unsettled)
    return choice.result, check, steps.remarks


def test_a_busy_run_is_inconclusive_and_the_same_command_on_a_quiet_machine_passes(
    tmp_path: Path, world: World
) -> None:
    world.others, world.noise = 0.5, 3.0
    choice, check, said = run(tmp_path)
    assert choice.techniques[0].state == "undecided"
    assert choice.chosen == "distilled", "what time could not settle is not dropped"
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "others took 50% of the CPUs' time" in check.sentence
    assert any("choose-student is measured again by the next run: distilled is undecided: " in each for each in said)
    assert any("benchmark is measured again by the next run: others took 50%" in each for each in said)

    world.others, world.noise, world.computed = 0.0, 0.0, []
    choice, check, said = run(tmp_path)
    assert (choice.chosen, choice.techniques[0].state) == ("distilled", "kept")
    assert check.outcome is Outcome.PASS
    assert world.computed == ["choose-student", "bundle", "benchmark"]
    assert said == ()

    world.computed = []
    assert run(tmp_path)[:2] == (choice, check)
    assert world.computed == [], "what is settled is reused"


def test_on_a_busy_machine_the_threads_own_clock_keeps_the_student_that_a_quiet_one_keeps(
    tmp_path: Path, world: World
) -> None:
    quiet, _, _ = run(tmp_path / "quiet")
    world.others, world.noise = 0.5, 0.2
    busy, _, _ = run(tmp_path / "busy")
    assert (busy.chosen, busy.techniques[0].state) == (quiet.chosen, quiet.techniques[0].state) == ("distilled", "kept")
    assert (quiet.techniques[0].clock, busy.techniques[0].clock) == ("wall", "cpu")
    assert busy.provisional == ("others took 50% of the CPUs' time during the times of the students",)


def test_measuring_again_times_everything_anew_and_computes_nothing_else(tmp_path: Path, world: World) -> None:
    run(tmp_path)
    world.computed = []
    run(tmp_path, measure_again=True)
    assert world.computed == ["choose-student", "benchmark"], "the bundle follows what was measured, which is the same"


BENCHMARKED = BenchmarkResult.model_validate(
    {
        "target": "local-cpu",
        "host": {
            "cpu": "one", "instruction_set": [], "cores": 1, "memory_gb": 1, "accelerator": None, "runtimes": {},
        },
        "bundle_digest": "b",
        "execution_providers": [],
        "cold_start_s": 1,
        "first_answer_ms": 1,
        "peak_memory_mb": 1,
        "size_mb": 1,
        "scenarios": [],
        "sustained_qps": None,
        "contenders": [],
        "stop_shares": {},
        "latencies_ms": [],
        "noise": {"value": 1, "low": 0.98, "high": 1.02},
    }
)  # fmt: skip
