"""Text generation as a person runs it: trained, certified, reviewed, served, retrained with what landed, and rolled back.

One home is taken through all of it, in the order of the tests, because the steps are real and take their time.
"""

import json
import os
import random
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tasks.data.completions import is_correct
from tests.flows.command_runs import CommandRuns
from tests.strictly import strict_lines
from tests.tasks.generation.conftest import NAMES, THINGS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

PROJECT = Path(__file__).parents[2]
NAME = "calls"
RECIPE = f"""\
name: {NAME}
task: text-generation
data:
  train: train.jsonl
  validation: validation.jsonl
  test: test.jsonl
  slice_column: domain
  correct: json
  near_duplicate_similarity: 1.0
init: {{layers: 3, width: 64, heads: 4, ffn_width: 96, vocabulary: 512, context: 96}}
fine_tune: {{epochs: 6, learning_rate: 1.5e-2, embedding_learning_rate: 1e-2, tokens_per_step: 512, max_length: 64}}
distil: {{layers: 2, epochs: 2, learning_rate: 1e-2, tokens_per_step: 512, max_length: 64}}
generation: {{max_new_tokens: 40}}
quantize: {{candidates: [{{weights: int8}}], max_accuracy_loss: 0.05}}
router: {{max_accuracy_loss: 0.05}}
benchmark: {{queries: 60, interleaved_repeats: 3, retries: 0}}
targets: [local-cpu]
gates:
  accuracy: 0.6
  json_validity: 0.6
  size_mb: 40
  champion_accuracy_loss: 0.5
  champion_slice_loss: 0.9
  champion_slowdown: 100
promotion: {{mode: review}}
intake: {{min_rows: 20, min_rows_per_label: 20, debounce_s: 0, cool_down_s: 0}}
"""


NIGHT = """
import sys
from flows.servers.embedded import PrefectServer
PrefectServer.of_environment().wait()
from flows.nightly import nightly
print(nightly(sys.argv[1], return_state=True).name)
"""
"""Runs the flow of the nightly deployment as its worker would."""


def call(function: str, **arguments: object) -> str:
    return json.dumps({"function": function, "arguments": arguments}, separators=(",", ":"))


def requests() -> list[dict[str, str]]:
    """Distinct requests of two kinds and their calls, in a random order."""
    rows = []
    for name, thing, number in product(NAMES, THINGS, range(2, 40)):
        order = call("buy", item={"name": thing, "count": number}, **{"for": name})
        rows.append({"prompt": f"{number} {thing} for {name}", "completion": order, "domain": "shop"})
        told = call("tell", to=name, what=f"{number} {thing}")
        rows.append({"prompt": f"please tell {name} to bring {number} {thing}", "completion": told, "domain": "talk"})
    random.Random(3).shuffle(rows)
    return rows


def reminders(count: int) -> list[dict[str, str]]:
    """Requests of a domain that the model does not know."""
    chance = random.Random(4)
    drawn = chance.sample(list(product(NAMES, range(1, 28))), count)
    return [
        {
            "prompt": f"remind me of {name} on day {day}",
            "completion": call("remind", of=name, day=day),
            "domain": "calendar",
        }
        for name, day in drawn
    ]


def write(file: Path, rows: list[dict[str, str]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> CommandRuns:
    folder = tmp_path_factory.mktemp("generation")
    rows = requests()
    for name, part in (("train", rows[:900]), ("validation", rows[900:1800]), ("test", rows[1800:2100])):
        write(folder / f"{name}.jsonl", part)
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    environment = os.environ | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)}
    return CommandRuns(folder, environment)


@pytest.fixture(scope="module")
def first(runs: CommandRuns) -> dict[str, Any]:
    """The outcome of the first run."""
    return runs.document("run", "recipe.yaml")


@pytest.fixture(scope="module")
def champion(runs: CommandRuns, first: dict[str, Any]) -> int:
    """Version 1, approved by a person."""
    done = runs.run("review", NAME, "1", "approve", "--note", "reads well")
    assert done.returncode == 0, done.stderr
    return int(first["version"])


def served(runs: CommandRuns, prompts: list[str]) -> list[dict[str, Any]]:
    done = runs.run("predict", f"models:/{NAME}@champion", *prompts, "--json")
    assert done.returncode == 0, done.stderr
    return strict_lines(done.stdout)


def right(runs: CommandRuns, rows: list[dict[str, str]]) -> int:
    """How many rows the champion answers as they say."""
    answers = served(runs, [row["prompt"] for row in rows])
    pairs = zip(answers, rows, strict=True)
    return sum(is_correct("json", row["completion"], answer["completion"]) for answer, row in pairs)


def test_a_run_comes_to_a_pass_and_asks_for_review(runs: CommandRuns, first: dict[str, Any]) -> None:
    assert first["outcome"] == "PASS"
    assert first["alias"] == "challenger"
    assert {"fine-tune", "distil", "quantize", "calibrate-router", "evaluate"} <= {s["name"] for s in first["steps"]}
    assert {"accuracy", "json_validity"} <= {check["name"] for check in first["checks"]}
    report = Path(first["report"]).read_text(encoding="utf-8")
    assert "token" in report.lower()
    (model,) = runs.document("status")
    assert model["champion"] is None


def test_running_again_unchanged_computes_nothing(runs: CommandRuns, first: dict[str, Any]) -> None:
    sealed = runs.sealed()
    again = runs.document("run", "recipe.yaml")
    assert again["all_reused"]
    assert again["version"] == first["version"]
    assert runs.sealed() == sealed


def test_a_night_with_nothing_new_says_so(runs: CommandRuns, first: dict[str, Any]) -> None:
    command = [sys.executable, "-c", NIGHT, str(runs.folder / "recipe.yaml")]
    done = subprocess.run(
        command, cwd=runs.folder, env=runs.environment, text=True, capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Nothing new"


def test_the_approved_model_answers_with_calls(runs: CommandRuns, champion: int) -> None:
    (model,) = runs.document("status", NAME)
    assert model["champion"]["version"] == champion
    lines = (runs.folder / "test.jsonl").read_text(encoding="utf-8").splitlines()[:20]
    assert right(runs, [json.loads(line) for line in lines]) >= 12


def test_a_missed_gate_ends_with_3_and_moves_no_alias(runs: CommandRuns, champion: int) -> None:
    outcome = runs.document("run", "recipe.yaml", "--set", "gates.memory_mb=1", code=3)
    assert outcome["outcome"] == "FAIL"
    (model,) = runs.document("status", NAME)
    assert model["champion"]["version"] == champion


def test_a_new_domain_that_lands_is_learned_and_the_old_model_can_come_back(runs: CommandRuns, champion: int) -> None:
    rows = reminders(200)
    landing = write(runs.folder / "landing.jsonl", rows[:180])
    assert right(runs, rows[180:]) == 0
    landed = runs.run("land", NAME, str(landing), "--recipe", "recipe.yaml")
    assert landed.returncode == 0, landed.stderr

    taken = runs.run("take-in", "recipe.yaml", "--set", "promotion.mode=auto")
    assert taken.returncode == 0, taken.stderr
    assert "retrained with 180 rows" in taken.stdout + taken.stderr
    (model,) = runs.document("status", NAME)
    newer = model["champion"]["version"]
    assert newer > champion
    assert right(runs, rows[180:]) >= 10

    back = runs.run("rollback", NAME, "--reason", "to see that it works")
    assert back.returncode == 0, back.stderr
    (model,) = runs.document("status", NAME)
    assert model["champion"]["version"] == champion
    assert right(runs, rows[180:]) == 0
    assert runs.run("verify", NAME).returncode == 0
    kinds = [entry["kind"] for entry in strict_lines(runs.run("history", NAME, "--json").stdout)]
    assert kinds.count("promoted") == 2
    assert "rolled back" in kinds
