"""What `--json` prints is strict JSON, of every command that has it."""

import argparse
import ast
import importlib
import json
import math
from pathlib import Path

import pytest

from engine import strict_json
from flows.command_line import run as run_command
from flows.command_line.main import command_parser
from tests.flows.outcomes import outcome_of

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
"""Every command with `--json`, and the module of `flows.command_line` that prints it."""


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


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
    found = json.loads(text, parse_constant=refuse)
    assert {check["measured"] for check in found["checks"]} == {"NaN" if math.isnan(value) else "Infinity"}
    json.loads(evidence.model_dump_json(), parse_constant=refuse)
    json.loads(verdict.model_copy(update={"checks": checks}).model_dump_json(), parse_constant=refuse)
