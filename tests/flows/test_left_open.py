"""What a run with landed rows left open is picked up by a later look: by the rows that settle it, or by measuring again.

Each row is used once and each try counts once, whatever lands, whoever looks and whoever is killed in between.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import following
from flows import take_in as module
from flows.command_line import main
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox
from flows.inbox.standing import remembered_standing
from flows.take_in import NOTHING_LANDED, NOTHING_TO_DO, WAITING
from registry.checks import Outcome
from registry.inbox import FileState, Result, Trial, Use
from registry.missing import MissingRows, MissingTime
from registry.write_points import listening
from tests.flows.test_take_in import NAME, PASSED, KilledError, Pipeline, pipeline, texts

__all__ = ["pipeline"]  # a fixture

ROWS = Result(verdict=Outcome.INCONCLUSIVE, missing=(MissingRows(label="pay", have=80, needed=83),), evidence="rows")
TIME = Result(verdict=Outcome.INCONCLUSIVE, missing=(MissingTime(target="edge"),), evidence="time")
FAILED = Result(verdict=Outcome.FAIL, evidence="failed")


def trials(of: Pipeline) -> tuple[Trial, ...]:
    with open_inbox(of.home) as inbox:
        return inbox.trials(NAME)


def first_run(of: Pipeline, result: Result) -> None:
    of.results = [result]
    of.land("a.jsonl", ("one", "pay"), ("two", "send"))
    assert of.take_in().name == "Verdict PASS"  # the name comes of the stand-in
    of.use = Use.KEEP


def test_status_names_the_slice_and_the_number_of_rows_that_are_missing(
    pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    first_run(pipeline, ROWS)
    state = pipeline.take_in()
    assert state.name == WAITING
    missing = "3 more gate rows with the label 'pay' (80 were judged, 83 would settle it)"
    assert missing in state.message
    assert main(["status"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "open INCONCLUSIVE, rows are missing; it goes on by itself once they have landed" in out
    assert f"missing {missing}; 0 have landed, about 20 more such rows have to land" in out
    assert len(pipeline.runs) == 1, "the same rows are not tried again"


def test_rows_of_another_kind_settle_nothing(pipeline: Pipeline) -> None:
    first_run(pipeline, ROWS)
    pipeline.land("b.jsonl", *((f"other {number}", "send") for number in range(9)))
    assert pipeline.take_in().name == NOTHING_TO_DO
    assert len(pipeline.runs) == 1
    standing = remembered_standing(InboxFolders.of(pipeline.home, NAME))
    assert standing is not None
    assert standing.follow_up is not None


def test_the_rows_that_are_missing_start_the_next_run_without_training(pipeline: Pipeline) -> None:
    first_run(pipeline, ROWS)
    pipeline.land("b.jsonl", ("three", "pay"), ("four", "pay"))
    assert pipeline.take_in().name == NOTHING_TO_DO
    pipeline.land("c.jsonl", ("four", "pay"), ("three", "pay"), ("four", "pay"))
    assert pipeline.take_in().name == NOTHING_TO_DO, "the same rows in another file are no more rows"
    pipeline.land("d.jsonl", ("five", "pay"))
    state = pipeline.take_in()
    assert state.name == "Verdict PASS", "one row is enough, although min_rows is 2"
    assert "recalibrated with 1 rows that landed" in state.message
    assert "left open before: INCONCLUSIVE" in state.message
    assert texts(pipeline.runs[1].trained) == ["one", "two"], "the same model"
    assert set(texts(pipeline.runs[1].judged)) == {"three", "four", "five"}
    assert pipeline.take_in().name == NOTHING_LANDED
    assert [trial.result and trial.result.verdict for trial in trials(pipeline)] == [Outcome.INCONCLUSIVE, Outcome.PASS]


def test_drift_that_calls_for_more_than_the_missing_rows_decides(pipeline: Pipeline) -> None:
    first_run(pipeline, ROWS)
    pipeline.use = Use.RETRAIN
    pipeline.land("b.jsonl", ("three", "pay"), ("four", "pay"), ("five", "pay"))
    pipeline.take_in()
    assert texts(pipeline.runs[1].trained) == ["five", "four", "one", "three", "two"]


def test_where_only_time_was_undecided_the_same_rows_are_measured_again_so_often_and_no_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch)
    first_run(pipeline, TIME)
    pipeline.results = [TIME] * 20
    asked = [at for at in pipeline.asked if at]
    assert [round((at - datetime.now(UTC)) / timedelta(minutes=1)) for at in asked] == [30]
    assert pipeline.take_in().name == WAITING
    assert len(pipeline.runs) == 1, "not before it is due"
    for hours in range(1, 60):
        clock(monkeypatch, hours=hours)
        pipeline.take_in()
    assert len(pipeline.runs) == 4, "three retries are the default"
    assert all(texts(run.trained) == ["one", "two"] for run in pipeline.runs)
    assert [trial.number for trial in trials(pipeline)] == [1, 2, 3, 4]
    assert "tried 4 times, it waits for new rows, or for a person" in str(pipeline.take_in().message)


def test_a_measurement_that_comes_to_a_pass_is_the_last(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    first_run(pipeline, TIME)
    clock(monkeypatch, hours=1)
    assert "try 2 with the same landed rows" in pipeline.take_in().message
    clock(monkeypatch, hours=9)
    assert pipeline.take_in().name == NOTHING_LANDED
    assert len(pipeline.runs) == 2


def test_a_failed_verdict_is_said_and_tried_again_with_new_rows_alone(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_run(pipeline, FAILED)
    clock(monkeypatch, hours=99)
    state = pipeline.take_in()
    assert (state.name, len(pipeline.runs)) == (WAITING, 1)
    assert state.message == "FAIL: the same rows are not tried again; it waits for new rows, or for a person"
    pipeline.land("b.jsonl", ("three", "send"), ("four", "send"))
    assert "retrained with 2 rows" in pipeline.take_in().message
    assert texts(pipeline.runs[1].trained) == ["four", "one", "three", "two"]


def test_a_retry_that_an_error_ends_counts_and_is_told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    first_run(pipeline, TIME)
    pipeline.fails = RuntimeError("the disk is full")
    for hours in range(1, 40):
        clock(monkeypatch, hours=hours)
        try:
            pipeline.take_in()
        except RuntimeError:
            assert trials(pipeline)[-1].result is not None
    assert [trial.number for trial in trials(pipeline)] == [1, 2, 3, 4]
    assert pipeline.files() == {FileState.PROCESSED}


def test_a_retry_that_was_killed_is_gone_on_with_and_counts_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_run(pipeline, TIME)
    clock(monkeypatch, hours=1)
    pipeline.fails = KilledError()  # type: ignore[assignment]
    for _ in range(5):
        with pytest.raises(KilledError):
            pipeline.take_in()
    pipeline.fails = None
    assert pipeline.take_in().name == "Verdict PASS"
    assert [(trial.number, trial.result) for trial in trials(pipeline)] == [(1, TIME), (2, PASSED)]


def test_a_kill_at_any_write_of_a_follow_up_changes_neither_rows_nor_tries(
    tmp_path: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pipeline

    def world(name: str) -> Pipeline:
        clock(monkeypatch)
        (tmp_path / name).mkdir()
        made = Pipeline(tmp_path / name, monkeypatch)
        first_run(made, ROWS)
        made.land("b.jsonl", ("three", "pay"), ("four", "pay"), ("five", "pay"))
        return made

    points: list[str] = []
    with listening(points.append):
        world("whole").take_in()
    first = len(points) - 1 - points[::-1].index("claim a batch")
    assert {"decide on a batch", "begin a trial", "complete a batch"} <= set(points[first:])
    for place in range(first, len(points)):
        made = world(str(place))
        with listening(Killer(place - first)), pytest.raises(KilledError):
            made.take_in()
        made.take_in()
        assert made.files() == {FileState.PROCESSED}, points[place]
        assert texts(made.landed().judged) == ["five", "four", "three"], points[place]
        assert [(trial.number, trial.use, trial.result) for trial in trials(made)] == [
            (1, Use.RETRAIN, ROWS),
            (1, Use.RECALIBRATE, PASSED),
        ], points[place]


class Killer:
    """Kills at the write so many after the claim."""

    def __init__(self, after: int) -> None:
        self.left: int | None = None
        self.after = after

    def __call__(self, name: str) -> None:
        if name == "claim a batch" and self.left is None:
            self.left = self.after
        if self.left is not None:
            if self.left == 0:
                raise KilledError
            self.left -= 1


STEPS = st.one_of(
    st.tuples(st.just("land"), st.lists(st.integers(0, 11), min_size=1, max_size=4)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("kill"), st.integers(0, 12)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@pytest.mark.slow
@given(steps=st.lists(STEPS, min_size=3, max_size=14), results=st.lists(st.sampled_from([ROWS, TIME, FAILED, PASSED])))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_order_of_landings_kills_and_looks_rows_and_tries_count_once(
    steps: list[tuple[str, Any]], results: list[Result], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("world")
        patch.setenv("MIAOTUI_HOME", str(folder / "home"))
        patch.delenv("MIAOTUI_INBOX_URI", raising=False)
        made, hours, landed = Pipeline(folder, patch), 0, set[str]()
        made.results = list(results)
        for place, (what, detail) in enumerate(steps):
            clock(patch, hours=hours)
            if what == "land":
                names = {f"row {number}" for number in detail}
                landed |= names
                made.land(
                    f"{place}.jsonl", *((name, "send" if name[-1] in "13579" else "pay") for name in sorted(names))
                )
            elif what == "wait":
                hours += detail
            elif what == "kill":
                with listening(Dying(detail)):
                    look(made, killed=True)
            else:
                look(made)
        for _ in range(16):
            hours += 3
            clock(patch, hours=hours)
            look(made)
        with open_inbox(made.home) as inbox:
            portions, batches = inbox.portions(NAME), inbox.batches(NAME)
        assert not any(entry.running for entry in batches)
        held = [(portion.sha256, portion.label) for portion in portions if portion.processed]
        assert len(held) == len(set(held))
        last = made.landed()
        everything = {*texts(last.trained), *texts(last.judged), *texts(last.since), *texts(last.waiting)}
        assert everything == landed, "no row is lost"
        by_batch: dict[str, list[int]] = {}
        for trial in trials(made):
            assert trial.result is not None, "every try came to an end"
            by_batch.setdefault(trial.batch, []).append(trial.number)
        assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_batch.values())
        assert all(len(numbers) <= 4 for numbers in by_batch.values()), "nothing is tried for ever"


class Dying:
    """Kills at so many writes from now."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, _name: str) -> None:
        if self.left == 0:
            raise KilledError
        self.left -= 1


def look(made: Pipeline, *, killed: bool = False) -> None:
    try:
        made.take_in()
    except KilledError:
        assert killed


def clock(patch: pytest.MonkeyPatch, *, hours: float = 0) -> None:
    """Lets the look be so much later than now."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=hours)

    patch.setattr(module, "datetime", Later)
    patch.setattr(following, "datetime", Later)


@pytest.fixture(autouse=True)
def _real_clock_again() -> Iterator[None]:
    yield
    module.datetime = following.datetime = datetime  # type: ignore[misc, attr-defined]
