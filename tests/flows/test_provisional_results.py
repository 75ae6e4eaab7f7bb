"""A measurement that others disturbed, or that settled nothing: this run has it, and the next one measures again."""

from pathlib import Path

import pytest

from flows.home import Home
from flows.steps.cache import StepCache
from tasks.artifact import Artifact, Workspace
from tests.flows.counted_steps import (
    CODE,
    COUNT,
    ELSEWHERE,
    MEASURE,
    TIME,
    Count,
    FakeSteps,
    Times,
    cache_for,
    counted,
    run,
    silent,
)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    return counted(monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


class TestProvisional:
    """A measurement that others disturbed, or that settled nothing: this run has it, and the next one measures again."""

    def measured(self, steps: FakeSteps, *reasons: tuple[str, ...]) -> None:
        """The step's runs give these reasons in turn, and its number as a file."""

        def body(workspace: Workspace) -> Times:
            (workspace.out / "reference.bin").write_bytes(bytes([steps.runs]))
            return Times(ms=steps.runs, provisional=reasons[min(steps.runs, len(reasons)) - 1])

        steps.body = body  # type: ignore[assignment]

    def test_it_is_stored_for_this_run_and_a_miss_for_the_next(self, home: Home, steps: FakeSteps) -> None:
        self.measured(steps, ("others took 40% of the CPUs' time",), ())
        first, second, third = (run(home, step=TIME) for _ in range(3))
        assert (first.reused, second.reused, third.reused) == (False, False, True)
        assert first.provisional == ("others took 40% of the CPUs' time",)
        assert second.provisional == third.provisional == ()
        assert (first.key, second.entry, third.entry) == (second.key, second.key, second.key)
        assert first.entry != first.key
        assert third.artifact == second.artifact

    def test_what_was_made_of_it_finds_it_as_it_was_whatever_is_measured_later(
        self, home: Home, steps: FakeSteps
    ) -> None:
        self.measured(steps, ("undecided",))
        first, second = run(home, step=TIME), run(home, step=TIME)
        assert first.artifact.digest != second.artifact.digest
        for made in (first, second):
            assert Artifact.of("time", made.artifact.folder, made.artifact.result) == made.artifact
            stored = cache_for(home).stored(TIME, made.entry)
            assert stored is not None
            assert stored.artifact == made.artifact

    def test_one_run_has_one_result_of_a_key(self, home: Home, steps: FakeSteps) -> None:
        self.measured(steps, ("undecided",))
        cache = cache_for(home)
        first, again = cache.run(TIME, {}, silent), cache.run(TIME, {}, silent)
        assert again.artifact == first.artifact
        assert again.reused
        assert steps.runs == 1

    def test_measuring_again_asks_every_timed_step_once_and_no_other(self, home: Home, steps: FakeSteps) -> None:
        for step in (COUNT, MEASURE, ELSEWHERE):
            run(home, step=step)
        again = StepCache(home, code=lambda _module: CODE, machine=lambda: "this", measure_again=True)
        for step, reused in ((COUNT, True), (MEASURE, False), (ELSEWHERE, False)):
            assert again.reusable(step, again.key(step, {})) is reused
            assert again.run(step, {}, silent).reused is reused
            assert again.run(step, {}, silent).reused
            assert run(home, step=step).reused
        assert steps.runs == 5

    def test_a_step_is_told_that_nothing_that_was_measured_earlier_counts(self, home: Home, steps: FakeSteps) -> None:
        told: list[bool] = []

        def body(workspace: Workspace) -> Times:
            told.append(workspace.anew)
            return Times(ms=1, provisional=("undecided",) if steps.runs == 1 else ())

        steps.body = body  # type: ignore[assignment]
        run(home, step=TIME)
        run(home, step=TIME)
        StepCache(home, code=lambda _module: CODE, machine=lambda: "this", measure_again=True).run(TIME, {}, silent)
        assert told == [False, True, True]

    def test_a_failure_while_measuring_again_leaves_the_earlier_result(self, home: Home, steps: FakeSteps) -> None:
        run(home, step=MEASURE)

        def fails(_workspace: Workspace) -> Count:
            raise RuntimeError("flaky")

        steps.body = fails
        again = StepCache(home, code=lambda _module: CODE, machine=lambda: "this", measure_again=True)
        with pytest.raises(RuntimeError, match="flaky"):
            again.run(MEASURE, {}, silent)
        assert run(home, step=MEASURE).reused
