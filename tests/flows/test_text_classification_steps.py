"""The family's steps are given what their functions take, in an order in which everything is there when needed."""

from collections.abc import Mapping
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
from flows.preparation import built_for, targets_here
from flows.steps.code_digest import Code
from flows.steps.key import key_of, key_parts
from registry.baseline import Baseline
from tasks.errors import UserError
from tasks.families.classification import plan
from tasks.families.classification.recipe import TextClassificationRecipe
from tasks.recipe import Fingerprint, Target
from tasks.records import UnreadableChampion
from tasks.step import Step, plain_value
from tests.flows.recording_runner import LANDED, RecordingRunner, champion, parameters_of, prepared

STEPS = [
    step for module in (snapshots, plan, evidence_steps) for step in vars(module).values() if isinstance(step, Step)
]


def recipe(**changes: object) -> TextClassificationRecipe:
    fields = {
        "name": "model",
        "task": "text-classification",
        "data": {"train": "train.jsonl"},
        "base_model": "base",
        "targets": ["one", "two"],
    }
    return TextClassificationRecipe.model_validate(fields | changes)


def run_steps(given: Any, runner: Any, home: Home, baseline: Baseline | None = None) -> None:
    gather_evidence(given, make_bundle(given, runner, home), baseline, runner)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_given_exactly_what_its_function_takes(step: Step[Any], tmp_path: Path) -> None:
    runner: Any = RecordingRunner(tmp_path)
    given_recipe = prepared(recipe(fine_tune={"seeds": [0, 7]}), (LANDED,))
    run_steps(given_recipe, runner, Home(tmp_path), champion(tmp_path))
    given = [inputs for label, inputs in runner.given.items() if label.partition(" ")[0] == step.name]
    assert given
    assert {frozenset(inputs) for inputs in given} == {frozenset(parameters_of(step))}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prune": {"enabled": False}},
        {"lexical": {"enabled": False}},
        {"quantize": {"techniques": []}},
        {"fine_tune": {"seeds": [3, 7]}},
    ],
)
def test_the_plan_names_the_steps_that_run_in_their_order(changes: dict[str, object], tmp_path: Path) -> None:
    given = recipe(**changes)
    runner: Any = RecordingRunner(tmp_path)
    run_steps(prepared(given), runner, Home(tmp_path))
    assert list(runner.given) == planned_steps(prepared(given), Home(tmp_path))
    compared: Any = RecordingRunner(tmp_path)
    run_steps(prepared(given), compared, Home(tmp_path), champion(tmp_path))
    assert list(compared.given) == planned_steps(prepared(given), Home(tmp_path), compared=True)
    assert set(compared.given) - set(runner.given) == {"compare-champion"}


def test_another_champion_changes_comparison_and_benchmark_and_another_place_of_its_bytes_changes_nothing(
    tmp_path: Path,
) -> None:
    def keys_with(baseline: Baseline | None) -> dict[str, str]:
        runner: Any = RecordingRunner(tmp_path)
        run_steps(prepared(recipe()), runner, Home(tmp_path), baseline)
        steps = {step.name: step for step in STEPS}
        code = Code("code", (), {})
        return {
            label: key_of(key_parts(steps[label.partition(" ")[0]], inputs, code, None))
            for label, inputs in runner.given.items()
            if label == "evaluate" or label.startswith(("compare", "benchmark"))
        }

    first, moved = keys_with(champion(tmp_path)), keys_with(champion(tmp_path / "elsewhere"))
    other, nobody = keys_with(champion(tmp_path, bundle_digest="others")), keys_with(None)
    assert first == moved
    assert {label for label in first if first[label] != other[label]} == set(first) - {"evaluate"}
    assert first["evaluate"] == nobody["evaluate"]
    assert first["benchmark one"] != nobody["benchmark one"]


def test_what_a_worker_measures_is_keyed_by_the_declared_machine_and_not_by_this_one(tmp_path: Path) -> None:
    def step_and_inputs(target: Target) -> tuple[Step[Any], Mapping[str, object]]:
        given = prepared(recipe())
        given.targets = (Target(name="one"), target)
        runner: Any = RecordingRunner(tmp_path)
        run_steps(given, runner, Home(tmp_path))
        return runner.steps[f"benchmark {target.name}"], runner.given[f"benchmark {target.name}"]

    def key(target: Target) -> str:
        step, inputs = step_and_inputs(target)
        return key_of(key_parts(step, inputs, Code("code", (), {}), None))

    machine = Fingerprint(cpu="Xeon", instruction_set=("avx2",), cores=4)
    edge = Target(name="edge", work_pool="edge-boxes", fingerprint=machine)
    assert not step_and_inputs(edge)[0].measures
    assert step_and_inputs(Target(name="edge"))[0].measures
    assert key(edge) != key(edge.model_copy(update={"fingerprint": machine.model_copy(update={"cores": 8})}))


def test_steps_that_build_are_timed_with_a_target_that_is_here(tmp_path: Path) -> None:
    machine = Fingerprint(cpu="Xeon", instruction_set=(), cores=4)
    edge = Target(
        name="edge", work_pool="p", fingerprint=machine, execution_provider="CUDAExecutionProvider", threads=3
    )
    here = Target(name="here", threads=2, operating_point=0.01)
    assert built_for([edge, here]) == Target(name="here", threads=2)
    assert built_for([edge]) == Target(name="edge", threads=3)
    assert targets_here([here, edge]) == (here,)


def test_an_unreadable_champion_is_evidence_and_runs_no_comparison(tmp_path: Path) -> None:
    version: Any = SimpleNamespace(name="model", version=3, bundle_digest="theirs")
    runner: Any = RecordingRunner(tmp_path)
    given = prepared(recipe())
    made = gather_evidence(given, make_bundle(given, runner, Home(tmp_path)), Baseline(version, None, "gone"), runner)
    assert made.unreadable_champion == UnreadableChampion(name="model", version=3, problem="gone")
    assert made.champion is None
    assert "compare-champion" not in runner.given
    assert runner.given["benchmark one"]["champion"] is None


def test_gates_change_no_step_but_the_arrival_rate_of_the_benchmark(tmp_path: Path) -> None:
    def inputs_with(gates: dict[str, float]) -> dict[str, Mapping[str, object]]:
        runner: Any = RecordingRunner(tmp_path)
        run_steps(prepared(recipe(gates=gates)), runner, Home(tmp_path))
        return {label: {n: plain_value(v) for n, v in inputs.items()} for label, inputs in runner.given.items()}

    assert inputs_with({"accuracy": 0.9})["evaluate"] == inputs_with({"latency_p99_ms": 1})["evaluate"]
    assert inputs_with({"accuracy": 0.9})["benchmark one"] == inputs_with({"latency_p99_ms": 1})["benchmark one"]


def test_every_seed_is_tuned_alike_and_the_chosen_one_goes_on(tmp_path: Path) -> None:
    def given_to(seeds: list[int]) -> dict[str, Mapping[str, object]]:
        runner: Any = RecordingRunner(tmp_path)
        made = make_bundle(prepared(recipe(fine_tune={"seeds": seeds})), runner, Home(tmp_path))
        assert made.fine_tuned.digest == "fine-tune seed 7"
        assert "seeds" in made.parts
        return runner.given

    two, three = given_to([3, 7]), given_to([3, 7, 11])
    assert [two[f"fine-tune seed {seed}"]["seed"] for seed in (3, 7)] == [3, 7]
    assert two["prune"]["fine_tuned"].digest == "fine-tune seed 7"  # type: ignore[attr-defined]
    for label in ("fine-tune seed 3", "fine-tune seed 7", "prune", "export fine-tuned"):
        assert two[label] == three[label]


def test_without_seeds_the_recipes_own_is_the_only_one(tmp_path: Path) -> None:
    runner: Any = RecordingRunner(tmp_path)
    made = make_bundle(prepared(recipe(seed=5)), runner, Home(tmp_path))
    assert runner.given["fine-tune"]["seed"] == 5
    assert "seeds" not in made.parts
    assert "choose-seed" not in runner.given


def test_measuring_steps_are_marked_so() -> None:
    assert {step.name for step in STEPS if step.measures} == {
        "latency-table",
        "quantize",
        "calibrate-router",
        "benchmark",
    }


def test_too_few_certify_rows_end_the_run_before_training(tmp_path: Path) -> None:
    runner: Any = RecordingRunner(tmp_path, certify_rows=10)
    with pytest.raises(UserError, match="certify rows"):
        run_steps(prepared(recipe()), runner, Home(tmp_path))
    assert list(runner.given) == ["snapshot"]


def test_a_failed_certificate_makes_the_next_other_attempt_the_second(tmp_path: Path) -> None:
    def attempt(result: str) -> object:
        runner: Any = RecordingRunner(tmp_path, certified=False, calibrated=result)
        run_steps(prepared(recipe()), runner, Home(tmp_path))
        return plain_value(runner.given["calibrate-router"]["attempt"])

    assert [attempt("chain"), attempt("chain"), attempt("other chain"), attempt("chain")] == [1, 2, 2, 3]


def test_landed_rows_that_only_called_for_recalibration_are_judged_by_and_not_trained_on(tmp_path: Path) -> None:
    runner: Any = RecordingRunner(tmp_path)
    given = prepared(recipe(), (LANDED,))
    run_steps(given, runner, Home(tmp_path), champion(tmp_path))
    assert list(runner.given) == planned_steps(given, Home(tmp_path), compared=True)
    read = {label: inputs["snapshot"].step for label, inputs in runner.given.items() if "snapshot" in inputs}
    extended = {label for label, step in read.items() if step == "extend-snapshot"}
    judged_by = {"calibrate-router", "evaluate", "compare-champion", "benchmark one", "benchmark two"}
    assert extended == {"check-rows", *judged_by}
    assert set(read) - extended >= {"extend-snapshot", "fine-tune", "prune", "quantize", "lexical-path"}
