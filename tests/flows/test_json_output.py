"""What `--json` prints is strict JSON, of every command that has it."""

import argparse
import ast
import importlib
import math
import os
from pathlib import Path

import pytest

from engine import strict_json
from flows.command_line import run as run_command
from flows.command_line.main import command_parser, main
from tests.conftest import tiny_rows, write_rows
from tests.flows.command_runs import CommandRuns
from tests.flows.outcomes import outcome_of
from tests.handmade_bundle import write_handmade_bundle
from tests.registry.shelf import MODEL, Shelf, promote
from tests.strictly import strict_lines, strictly

PRINTED_BY = {
    "bench": "bench",
    "history": "history",
    "land": "land",
    "predict": "predict",
    "recalibrate": "recalibrate",
    "run": "run",
    "status": "status",
    "take-in": "take_in",
}
"""Every command with `--json`, and the module of `flows.command_line` that prints it.

Real output of `run` and `recalibrate` is read strictly where there is some: tests.flows.command_runs, test_recalibrate_command.
"""
PROJECT = Path(__file__).parents[2]
RECIPE = """\
name: support-intents
task: text-classification
data: {{train: train.jsonl}}
base_model: {base}
targets: [local-cpu]
"""


def with_json() -> set[str]:
    (commands,) = (action for action in command_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return {name for name, parser in commands.choices.items() if "--json" in parser.format_help()}


def test_no_command_with_json_is_forgotten() -> None:
    assert with_json() == set(PRINTED_BY)


@pytest.mark.parametrize("module", sorted(PRINTED_BY.values()))
def test_it_prints_what_the_strict_writers_give(module: str) -> None:
    """`strict_json.dumps`, or a record's own JSON, in which what is not finite is a string."""
    file = importlib.import_module(f"flows.command_line.{module}").__file__
    tree = ast.parse(Path(str(file)).read_text(encoding="utf-8"))
    written = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert any(name == "strict_json.dumps" or name.endswith(".model_dump_json") for name in written)
    assert "json.dumps" not in written
    assert not any(name.endswith("model_dump") for name in written)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_outcome_with_a_number_that_is_not_finite_is_strict(evidence, judged, value: float) -> None:
    verdict = judged(evidence)
    checks = tuple(check.model_copy(update={"measured": value, "bound": value}) for check in verdict.checks)
    outcome = outcome_of(evidence, verdict.model_copy(update={"checks": checks}))
    text = strict_json.dumps(run_command.as_document(outcome))
    found = strictly(text)
    assert {check["measured"] for check in found["checks"]} == {"NaN" if math.isnan(value) else "Infinity"}
    strictly(evidence.model_dump_json())
    strictly(verdict.model_copy(update={"checks": checks}).model_dump_json())


def test_what_a_registry_says_is_strict(own_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shelf = Shelf(own_home)
    promote(shelf, shelf.put())
    shelf.put("FAIL")
    shelf.registrar.ledger.close()
    assert main(["status", "--json"]) == 0
    (model,) = strictly(capfd.readouterr().out)
    assert (model["name"], model["champion"]["version"]) == (MODEL, 1)
    assert main(["history", MODEL, "--json"]) == 0
    assert [entry["kind"] for entry in strict_lines(capfd.readouterr().out)] == ["registered", "promoted", "registered"]


def test_what_becomes_of_landed_files_is_strict(
    own_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"text": "a", "label": "x"}\n', encoding="utf-8")
    bad.write_text('{"text": NaN}\n', encoding="utf-8")
    assert main(["land", MODEL, str(good), str(bad), "--json"]) == 0
    assert [entry["state"] for entry in strict_lines(capfd.readouterr().out)] == ["landed", "quarantined"]


def test_answers_and_refusals_are_strict(own_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bundle = write_handmade_bundle(tmp_path / "bundle")
    assert main(["predict", str(bundle), "red", "broken", "--json"]) == 2
    answered, refused = strict_lines(capfd.readouterr().out)
    assert answered["label"] == "red"
    assert refused["row"] == 2
    assert "finite" in refused["error"]


@pytest.mark.slow
def test_measurements_are_strict(own_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bundle, data = write_handmade_bundle(tmp_path / "bundle"), tmp_path / "rows.jsonl"
    data.write_text("".join(f'{{"text": "{word}"}}\n' for word in ("red", "green", "blue")), encoding="utf-8")
    assert main(["bench", str(bundle), "--data", str(data), "--target", "local-cpu", "--queries", "64", "--json"]) == 0
    result = strictly(capfd.readouterr().out)
    assert {scenario["name"] for scenario in result["scenarios"]} == {"SingleStream", "Offline", "Server"}


@pytest.mark.slow
def test_what_a_look_at_landed_data_came_to_is_strict(tmp_path: Path, tiny_base: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_base), encoding="utf-8")
    write_rows(tmp_path / "train.jsonl", tiny_rows(40, 1))
    environment = os.environ | {"MIAOTUI_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT)}
    assert CommandRuns(tmp_path, environment).document("take-in", "recipe.yaml")["state"]
