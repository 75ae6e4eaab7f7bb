"""What has landed is looked at, decided on and used once, whoever dies in between; and what it is used for is for good."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.states import Completed

from flows import take_in as module
from flows.command_line import main
from flows.drift_decision import UseDecision
from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landed_data import LandedData, landed_data
from flows.inbox.landing import land, open_inbox, read_by
from flows.inbox.rows import Columns
from flows.inbox.standing import remembered_standing
from flows.inbox.watch import land_watched
from flows.nightly import lateness
from flows.progress import SilentObserver
from flows.take_in import NOTHING_LANDED, NOTHING_TO_DO, WAITING
from registry.checks import Outcome
from registry.inbox import FileState, Result, Use
from registry.write_points import listening
from tasks.errors import UserError
from tasks.families.load_recipe import load_recipe
from tasks.recipe.schema import ScheduleConfig
from tests.conftest import write_rows

NAME = "intents"
RECIPE = """\
name: intents
task: text-classification
data: {train: train.jsonl}
base_model: base
targets: [local-cpu]
intake: {min_rows: 2, min_rows_per_label: 2, debounce_s: 0, cool_down_s: 0}
"""


PASSED = Result(verdict=Outcome.PASS, sentence="is the champion now")


class KilledError(BaseException):
    """Stands in for kill -9: nothing that handles errors sees it."""


class Pipeline:
    """Stands in for drift report, training and registry: notes which landed rows each run was made of."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = Home(folder / "home")
        self.recipe = folder / "recipe.yaml"
        self.recipe.write_text(RECIPE, encoding="utf-8")
        self.use = Use.RETRAIN
        self.runs: list[LandedData] = []
        self.decided: list[list[str]] = []
        self.fails: Exception | None = None
        self.asked: list[datetime | None] = []
        self.told: list[str] = []
        self.results: list[Result] = []
        known = SimpleNamespace(result=SimpleNamespace(labels=("pay", "send"), slices=()))
        patch.setattr(module, "snapshots", lambda _prepared, _steps: (known, known))
        patch.setattr(module, "prepare", lambda *_: None)
        patch.setattr(module, "decide_use", self._decide)
        patch.setattr(module, "run_recipe", self._run)
        patch.setattr(
            module, "concluded", lambda _outcome, _home, _notify, said: Completed(name="Verdict PASS", message=said[0])
        )
        patch.setattr(module, "result_of", lambda _outcome: self.results.pop(0) if self.results else PASSED)
        patch.setattr(module, "landed_since", lambda *_: self._landed_since())
        patch.setattr(module, "ask_again", lambda _name, at: self.asked.append(at))
        patch.setattr(module, "notify", lambda _config, notice: self.told.append(notice.body))

    def _decide(self, *_: object) -> UseDecision:
        self.decided.append(texts(self.landed().since))
        return UseDecision(self.use, "because")

    def _run(self, *_: object, on_step: Callable[[], None]) -> None:
        on_step()
        if self.fails:
            raise self.fails
        self.runs.append(self.landed())

    def _landed_since(self) -> Counter[tuple[str | None, str]]:
        """Every text once, as if all were judged by."""
        landed = self.landed()
        sources = (*landed.since, *landed.waiting)
        rows = {line for source in sources for line in source.path.read_text("utf-8").splitlines()}
        return Counter((None, json.loads(row)["label"]) for row in rows)

    def landed(self) -> LandedData:
        return landed_data(self.home, NAME, load_recipe(self.recipe).recipe.data)

    def land(self, name: str, *rows: tuple[str, str]) -> None:
        file = write_rows(self.recipe.with_name(name), [{"text": text, "label": label} for text, label in rows])
        land(self.home, NAME, [file])

    def take_in(self) -> Any:
        looked = module._TakeIn(load_recipe(self.recipe), None, self.home, SilentObserver())
        return looked.run()

    def files(self) -> set[FileState]:
        with open_inbox(self.home) as inbox:
            return {file.state for file in inbox.files(NAME)}


def texts(sources: tuple[Any, ...]) -> list[str]:
    """Texts, or prompts: whatever the rows have in their first column."""
    rows = [json.loads(line) for source in sources for line in source.path.read_text("utf-8").splitlines()]
    return sorted(next(iter(row.values())) for row in rows)


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MIAOTUI_INBOX_URI", raising=False)
    return Pipeline(tmp_path, monkeypatch)


def test_where_nothing_has_landed_nothing_is_done(pipeline: Pipeline) -> None:
    assert pipeline.take_in().name == NOTHING_LANDED
    assert pipeline.decided == []


def test_rows_that_call_for_retraining_are_trained_on_from_then_on(pipeline: Pipeline) -> None:
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"))
    assert pipeline.take_in().name == "Verdict PASS"
    assert [texts(run.trained) for run in pipeline.runs] == [["one", "two"]]
    assert texts(pipeline.landed().trained) == ["one", "two"]
    assert pipeline.files() == {FileState.PROCESSED}
    assert pipeline.take_in().name == NOTHING_LANDED
    assert len(pipeline.runs) == 1


def test_rows_that_call_for_nothing_count_with_the_next_and_come_in_with_the_next_use(pipeline: Pipeline) -> None:
    pipeline.use = Use.KEEP
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"))
    assert pipeline.take_in().name == NOTHING_TO_DO
    assert pipeline.landed().trained == pipeline.landed().judged == ()
    pipeline.use = Use.RECALIBRATE
    pipeline.land("b.jsonl", ("three", "pay"), ("four", "send"))
    pipeline.take_in()
    assert pipeline.decided == [["one", "two"], ["four", "one", "three", "two"]]
    assert texts(pipeline.runs[0].judged) == ["four", "one", "three", "two"]
    assert pipeline.runs[0].trained == ()
    pipeline.use = Use.RETRAIN
    pipeline.land("c.jsonl", ("five", "pay"), ("six", "send"))
    pipeline.take_in()
    assert texts(pipeline.runs[1].trained) == ["five", "four", "one", "six", "three", "two"]
    assert pipeline.runs[1].judged == ()


def test_completions_that_call_for_recalibration_are_what_the_router_is_judged_by(pipeline: Pipeline) -> None:
    recipe = RECIPE.replace("classification", "generation").replace("base_model: base", "init: {}")
    pipeline.recipe.write_text(recipe, encoding="utf-8")
    read_by(pipeline.home, NAME, Columns.of(load_recipe(pipeline.recipe).recipe.data))
    file = write_rows(
        pipeline.recipe.with_name("a.jsonl"),
        [{"prompt": text, "completion": f"pay({number})"} for number, text in enumerate(("one", "two"))],
    )
    land(pipeline.home, NAME, [file])
    pipeline.use = Use.RECALIBRATE
    assert pipeline.take_in().name == "Verdict PASS"
    (run,) = pipeline.runs
    assert run.trained == ()
    rows = [json.loads(line) for source in run.judged for line in source.path.read_text("utf-8").splitlines()]
    assert [(row["prompt"], row["completion"]) for row in rows] == [("one", "pay(0)"), ("two", "pay(1)")]


def test_rows_that_are_too_few_wait_and_status_says_what_is_missing(
    pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"), ("a table", "reserve"))
    assert pipeline.take_in().name == "Verdict PASS"
    state = pipeline.take_in()
    assert state.name == WAITING
    assert "label 'reserve' has 1 of 2 rows" in state.message
    assert main(["status"]) == 0
    out = capfd.readouterr().out
    assert "landed for intents" in out
    assert "1 wait, 0 are worked on, 2 were taken in" in out
    assert "label 'reserve' has 1 of 2 rows" in out


def test_another_look_is_asked_for_when_time_will_help(pipeline: Pipeline) -> None:
    pipeline.recipe.write_text(RECIPE.replace("debounce_s: 0", "debounce_s: 500"), encoding="utf-8")
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"))
    assert pipeline.take_in().name == WAITING
    (at,) = pipeline.asked
    assert at is not None
    assert timedelta(seconds=400) < at - datetime.now(UTC) <= timedelta(seconds=500)


def test_a_run_that_fails_gives_its_rows_back_and_says_so_once(pipeline: Pipeline) -> None:
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"))
    pipeline.fails = UserError("the model is gone", file="recipe.yaml")
    folders = InboxFolders.of(pipeline.home, NAME)
    for _ in range(2):
        with pytest.raises(UserError, match="the model is gone"):
            module.take_in.fn(str(pipeline.recipe))
    assert pipeline.files() == {FileState.LANDED}
    standing = remembered_standing(folders)
    assert standing is not None
    assert standing.sentence == "failed, UserError: recipe.yaml: the model is gone"
    assert [body.splitlines()[0] for body in pipeline.told] == ["recipe.yaml: the model is gone"]
    pipeline.fails = None
    assert module.take_in.fn(str(pipeline.recipe)).name == "Verdict PASS"
    assert texts(pipeline.landed().trained) == ["one", "two"]


def test_a_kill_at_any_write_changes_neither_the_rows_nor_what_they_are_used_for(
    tmp_path: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pipeline

    def world(name: str) -> Pipeline:
        (tmp_path / name).mkdir()
        made = Pipeline(tmp_path / name, monkeypatch)
        made.land("a.jsonl", ("one", "pay"), ("two", "send"))
        return made

    points: list[str] = []
    with listening(points.append):
        world("whole").take_in()
    assert {"claim a batch", "decide on a batch", "complete a batch"} <= set(points)
    first = points.index("claim a batch")
    for place in range(first, len(points)):
        made = world(str(place))
        seen: list[str] = []

        def kill(name: str, place: int = place - first, seen: list[str] = seen) -> None:
            if seen or name == "claim a batch":
                if len(seen) == place:
                    raise KilledError
                seen.append(name)

        with listening(kill), pytest.raises(KilledError):
            made.take_in()
        decided = "decide on a batch" in seen
        made.use = Use.KEEP  # what would be decided now must not matter once it was decided
        state = made.take_in()
        completed = "complete a batch" in seen
        expected = NOTHING_LANDED if completed else "Verdict PASS" if decided else NOTHING_TO_DO
        assert state.name == expected, points[place]
        assert texts(made.landed().trained) == (["one", "two"] if decided else []), points[place]
        assert made.files() == {FileState.PROCESSED}, points[place]


def test_a_kill_in_the_middle_of_the_run_is_gone_on_from_with_the_same_rows(pipeline: Pipeline) -> None:
    pipeline.land("a.jsonl", ("one", "pay"), ("two", "send"))
    pipeline.fails = KilledError()  # type: ignore[assignment]
    with pytest.raises(KilledError):
        pipeline.take_in()
    pipeline.land("b.jsonl", ("three", "pay"), ("four", "send"))
    pipeline.fails = None
    pipeline.take_in()
    assert [texts(run.trained) for run in pipeline.runs] == [["one", "two"]]
    pipeline.take_in()
    assert texts(pipeline.runs[1].trained) == ["four", "one", "three", "two"]


def test_watched_folders_are_read_and_left_as_they_are(pipeline: Pipeline, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    file = write_rows(watched / "a.jsonl", [{"text": "one", "label": "pay"}])
    (watched / "notes.txt").write_text("nothing of ours")
    (watched / "half.jsonl").write_text('{"text": "tw')
    later = datetime.now(UTC) + timedelta(minutes=1)
    (landing,) = land_watched(pipeline.home, NAME, ["watched"], folder=tmp_path, now=later)
    assert (landing.rows, landing.known) == (1, False)
    assert land_watched(pipeline.home, NAME, [f"file://{watched}"], now=later) == ()
    write_rows(file, [{"text": "one", "label": "pay"}, {"text": "two", "label": "pay"}])
    (again,) = land_watched(pipeline.home, NAME, [f"{watched}/*.jsonl"], now=later + timedelta(minutes=1))
    assert again.rows == 2
    assert {path.name for path in watched.iterdir()} == {"a.jsonl", "notes.txt", "half.jsonl"}


@pytest.mark.parametrize("location", ["nonsense://bucket/x", "s3://"])
def test_what_cannot_be_watched_is_one_line(pipeline: Pipeline, location: str) -> None:
    with pytest.raises(UserError, match=r"intake\.watch: .* cannot be watched"):
        land_watched(pipeline.home, NAME, [location])


def test_a_night_that_begins_too_late_by_the_recipe_is_skipped() -> None:
    due = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
    policy = ScheduleConfig(max_delay_minutes=90)
    assert lateness(policy, due=due, now=due + timedelta(minutes=90)) is None
    assert lateness(policy, due=due, now=due + timedelta(minutes=95)) == (
        "95 minutes late, and schedule.max_delay_minutes is 90"
    )
    assert lateness(policy, due=None, now=due) is None
    assert lateness(ScheduleConfig(), due=due, now=due + timedelta(days=3)) is None
