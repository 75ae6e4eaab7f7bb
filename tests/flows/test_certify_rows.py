"""Which rows a run certifies on and which attempt it is, said before any training; and when fresh rows take the others' place."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flows.certify_attempts import Attempt, CertifyAttempts
from flows.certify_rows import FRESH_CERTIFY, CertifyRows, certify_labels, certify_rows, counted_attempt
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from tasks.artifact import Artifact, Workspace
from tasks.data.fresh_certify import without_retired
from tasks.data.row_sets import row_set
from tasks.data.rows import SPLITS, Row, read_rows, split_file, write_row_file
from tasks.errors import UserError
from tasks.families.classification.recipe import TextClassificationRecipe
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.records import RouterResult, SnapshotResult
from tasks.step import Step, StepCall, plain_value
from tests.flows.recording_runner import parameters_of, prepared

CALIBRATE = Step("calibrate-router", "nowhere:calibrate", RouterResult)
COMMON = {"name": "model", "base_model": "base", "targets": ["one"], "data": {"train": "train.jsonl"}}


def recipe(**router: object) -> TextClassificationRecipe:
    return TextClassificationRecipe.model_validate({**COMMON, "task": "text-classification", "router": router})


def found(rows: int, attempt: int = 1, unseen: int = 0) -> CertifyRows:
    snapshot: Any = SimpleNamespace(result=SimpleNamespace(rows={"certify": rows}))
    return CertifyRows(snapshot, row_set([]), unseen, attempt, of="", known_as="")


def test_too_few_certify_rows_are_refused_with_both_numbers() -> None:
    with pytest.raises(
        UserError, match=r"router\.max_accuracy_loss: .* needs 314 certify rows .* there are 100: add 214"
    ):
        require_certifiable(recipe(), found(100), prepared(recipe()))
    accepting = recipe(if_infeasible="reference")
    require_certifiable(accepting, found(100), prepared(accepting))
    assert "can prove a loss of at most 0.5% not at all (that needs 629)" in feasibility(recipe(), found(100))


def test_the_rows_are_held_to_the_level_of_the_attempt_that_it_is() -> None:
    require_certifiable(recipe(), found(400), prepared(recipe()))
    with pytest.raises(
        UserError, match=r"at the level 0\.00304 of attempt 2, .* there are 400.* make 314 .*\(there are 7\)"
    ):
        require_certifiable(recipe(), found(400, attempt=2, unseen=7), prepared(recipe()))


def test_what_can_be_proven_is_said_before_any_work() -> None:
    said = feasibility(recipe(), found(1000))
    assert said.startswith(
        "certificate: attempt 1 (level 0.045), in which 1000 certify rows can prove a loss of at most 0.5% with"
    )
    assert "no attempt has seen" not in said
    retry = feasibility(recipe(), found(1000, attempt=2))
    assert "attempt 2 (level 0.00304)" in retry
    assert retry.endswith("tried at 0.045 again, which needs of them 629 for 0.5%, 314 for 1%, 157 for 2%")


class Steps:
    """Stands in for StepRunner: takes rows out of certify as the step does, and calibrates as it is told."""

    def __init__(self, root: Path, *, certified: bool = False) -> None:
        self.root = root
        self.certified = certified
        self.notes: list[str] = []
        self.results = 0
        self.attempt = 0

    def note(self, message: str) -> None:
        self.notes.append(message)

    def run(self, step: Step[Any], inputs: dict[str, Any]) -> Any:
        given = {name: plain_value(value) for name, value in inputs.items()}
        self.results += 1
        if step is FRESH_CERTIFY:
            assert set(given) == parameters_of(step)
            out = self.root / f"fresh-{self.results}"
            out.mkdir()
            result = without_retired(**given, workspace=Workspace(out, out))
            return Artifact.of(step.name, out, result)
        self.attempt = given["attempt"]
        point: Any = SimpleNamespace(epsilon=0.01, certified=self.certified)
        result: Any = SimpleNamespace(certificates=[point], attempt=self.attempt)
        return Artifact("calibrate-router", self.root, f"result {self.results}", result)


def snapshot(folder: Path, certify: int) -> Artifact[SnapshotResult]:
    folder.mkdir()
    counts = {"train": 3, "tune": 2, "certify": certify, "gate": 4}
    for split in SPLITS:
        rows = [
            Row(f"{split} {number}", "oos" if number % 10 == 0 else "in", "slice") for number in range(counts[split])
        ]
        write_row_file(split_file(folder, split), rows)
    outside = dict.fromkeys(SPLITS, 1) | {"certify": certify // 10}
    result = SnapshotResult.model_construct(rows=counts, out_of_scope_rows=outside, out_of_scope_label="oos", retired=0)
    return Artifact.of("snapshot", folder, result)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def tried(
    home: Home, steps: Any, data: Artifact[SnapshotResult], retired: Callable[[], None] = lambda: None
) -> CertifyRows:
    """One run up to its certificate."""
    given = recipe()
    rows = certify_rows(prepared(given), data, data, steps, home, retired=retired)
    counted_attempt(StepCall(CALIBRATE, {}), rows, given, steps, home)
    return rows


def test_rows_that_no_attempt_has_seen_take_the_place_of_the_others_where_they_promise_more(
    home: Home, tmp_path: Path
) -> None:
    steps = Steps(tmp_path)
    before, more, enough = (snapshot(tmp_path / str(rows), rows) for rows in (400, 500, 760))
    assert tried(home, steps, before).attempt == 1
    assert certify_labels(prepared(recipe()), home) == []
    waiting = certify_rows(prepared(recipe()), more, more, steps, home)  # type: ignore[arg-type]
    assert (len(waiting.rows), waiting.attempt, waiting.unseen) == (500, 2, 100)
    assert not steps.notes

    planned: list[list[str]] = []
    fresh = tried(home, steps, enough, lambda: planned.append(certify_labels(prepared(recipe()), home)))
    assert planned == [[FRESH_CERTIFY.name]]  # a step more than was planned, and planned before it runs
    assert "400 certify rows that attempts have seen" in steps.notes[0]
    assert (len(fresh.rows), fresh.attempt, fresh.unseen, steps.attempt) == (360, 1, 360, 1)
    result = fresh.snapshot.result
    assert (result.rows["certify"], result.out_of_scope_rows["certify"], result.retired) == (360, 36, 400)
    assert {row.text for row in read_rows(fresh.snapshot, "certify")} == {f"certify {n}" for n in range(400, 760)}
    for split in ("train", "tune", "gate"):
        assert split_file(fresh.snapshot.folder, split).read_bytes() == split_file(enough.folder, split).read_bytes()

    steps.notes.clear()
    again = certify_rows(prepared(recipe()), enough, enough, steps, home)  # type: ignore[arg-type]
    assert np.array_equal(again.rows, fresh.rows)  # what was decided stays decided
    assert again.attempt == 1  # that run's own, which would be found made
    assert not steps.notes


def test_rows_that_still_prove_more_than_the_fresh_ones_alone_stay(home: Home, tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    tried(home, steps, snapshot(tmp_path / "before", 2300))
    later = tried(home, steps, snapshot(tmp_path / "later", 2620))
    assert (len(later.rows), later.attempt, steps.notes) == (2620, 2, [])


def test_a_certified_bundle_ends_the_series(home: Home, tmp_path: Path) -> None:
    steps, data = Steps(tmp_path), snapshot(tmp_path / "data", 900)
    attempts = []
    for certified in (False, False, True, False):
        steps.certified = certified
        tried(home, steps, data)
        attempts.append(steps.attempt)
    assert attempts == [1, 2, 3, 1]


def test_where_no_outcome_could_prove_anything_no_attempt_is_made(home: Home, tmp_path: Path) -> None:
    steps, data = Steps(tmp_path), snapshot(tmp_path / "data", 100)
    for _ in range(3):
        tried(home, steps, data)
        assert steps.attempt == 1


def test_attempts_of_other_recipes_and_of_recalibration_count_where_the_rows_are_the_same(
    home: Home, tmp_path: Path
) -> None:
    data = snapshot(tmp_path / "data", 900)
    seen = row_set(read_rows(data, "certify")[:800])
    CertifyAttempts(home).record(seen, Attempt(of="other", result="other", number=1, certified=False))
    other = TextGenerationRecipe.model_validate({**COMMON, "task": "text-generation"})
    for given in (recipe(), other):
        rows = certify_rows(prepared(given), data, data, Steps(tmp_path), home)  # type: ignore[arg-type]
        assert (rows.attempt, rows.unseen) == (2, 100)
