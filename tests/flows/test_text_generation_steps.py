"""The family's steps are given what their functions take, in an order in which everything is there when needed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import gather_evidence as evidence_steps
from flows import snapshots
from flows.gather_evidence import gather_evidence
from flows.home import Home
from flows.make_bundle import make_bundle
from flows.planned_steps import planned_steps
from tasks.errors import UserError
from tasks.families.generation import plan
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.records import RowLengths
from tasks.step import Step
from tests.flows.recording_runner import LANDED, RecordingRunner, champion, parameters_of, prepared

STEPS = [
    step for module in (snapshots, plan, evidence_steps) for step in vars(module).values() if isinstance(step, Step)
]


def recipe(**changes: object) -> TextGenerationRecipe:
    fields = {
        "name": "model",
        "task": "text-generation",
        "data": {"train": "train.jsonl"},
        "init": {},
        "targets": ["one", "two"],
        "prune": {"enabled": True},
    }
    return TextGenerationRecipe.model_validate(fields | changes)


def runner_in(folder: Path, chosen: str | None = "distilled") -> Any:
    """`chosen`: which student earned its place."""
    runner: Any = RecordingRunner(folder)
    runner.results["choose-student"] = SimpleNamespace(chosen=chosen)
    return runner


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_given_exactly_what_its_function_takes(step: Step[Any], tmp_path: Path) -> None:
    runner, given = runner_in(tmp_path), prepared(recipe(), (LANDED,))
    gather_evidence(given, make_bundle(given, runner, Home(tmp_path)), champion(tmp_path), runner)
    inputs = [inputs for label, inputs in runner.given.items() if label.partition(" ")[0] == step.name]
    assert inputs
    assert {frozenset(each) for each in inputs} == {frozenset(parameters_of(step))}


@pytest.mark.parametrize(
    "changes", [{}, {"prune": {}}, {"distil": {"enabled": False}}, {"distil": {"enabled": False}, "prune": {}}]
)
def test_the_steps_come_in_the_order_that_was_announced(changes: dict[str, object], tmp_path: Path) -> None:
    runner, given = runner_in(tmp_path, None), prepared(recipe(**changes))
    gather_evidence(given, make_bundle(given, runner, Home(tmp_path)), None, runner)
    assert list(runner.given) == planned_steps(given, Home(tmp_path))


@pytest.mark.parametrize(("chosen", "step"), [("pruned", "prune"), ("distilled", "distil")])
def test_the_student_that_earned_its_place_is_the_small_model(chosen: str, step: str, tmp_path: Path) -> None:
    runner = runner_in(tmp_path, chosen)
    made = make_bundle(prepared(recipe()), runner, Home(tmp_path))
    judged, quantized = runner.given["choose-student"], runner.given["quantize"]
    assert set(judged["students"]) == set(judged["exports"]) == {"distilled", "pruned"}
    assert quantized["models"]["small"].step == step
    assert quantized["exports"]["small"] == judged["exports"][chosen]
    assert quantized["exports"]["full"] == judged["full"]
    assert quantized["students"].step == "choose-student"
    assert made.parts["student"].step == step


def test_where_no_student_earned_its_place_the_full_model_is_alone_and_why_is_passed_on(tmp_path: Path) -> None:
    runner = runner_in(tmp_path, None)
    made = make_bundle(prepared(recipe()), runner, Home(tmp_path))
    assert list(runner.given["quantize"]["models"]) == list(runner.given["quantize"]["exports"]) == ["full"]
    assert runner.given["quantize"]["students"].step == "choose-student"
    assert not made.parts


def test_without_a_student_the_full_model_is_the_only_one(tmp_path: Path) -> None:
    runner = runner_in(tmp_path)
    make_bundle(prepared(recipe(distil={"enabled": False}, prune={})), runner, Home(tmp_path))
    assert list(runner.given["quantize"]["models"]) == ["full"]
    assert runner.given["quantize"]["students"] is None
    assert "choose-student" not in runner.given


def test_completions_that_cannot_be_said_end_the_run_before_any_training(tmp_path: Path) -> None:
    runner = runner_in(tmp_path)
    runner.results["check-rows"] = RowLengths(
        context=256, completions={"tune": {20: 90, 140: 10}, "gate": {20: 100}}, beyond_context={}, train={30: 100}
    )
    with pytest.raises(UserError, match=r"recipe\.yaml: generation\.max_new_tokens: 96 tokens, but 10\.0% of the tune"):
        make_bundle(prepared(recipe()), runner, Home(tmp_path))
    assert "fine-tune" not in runner.given


def test_a_base_model_is_what_training_starts_from(tmp_path: Path) -> None:
    runner, given = runner_in(tmp_path), prepared(recipe(base_model="base", init=None))
    make_bundle(given, runner, Home(tmp_path))
    assert runner.given["fine-tune"]["start"] is given.base


def test_landed_rows_that_only_called_for_recalibration_are_judged_by_and_not_trained_on(tmp_path: Path) -> None:
    runner, given = runner_in(tmp_path), prepared(recipe(), (LANDED,))
    gather_evidence(given, make_bundle(given, runner, Home(tmp_path)), champion(tmp_path), runner)
    read = {label: inputs["snapshot"].step for label, inputs in runner.given.items() if "snapshot" in inputs}
    extended = {label for label, step in read.items() if step == "extend-snapshot"}
    judging = {"calibrate-router", "evaluate", "compare-champion", "benchmark one", "benchmark two"}
    assert extended == {"check-rows", *judging}
