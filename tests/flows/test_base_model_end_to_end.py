"""Text generation from a base model's folder: low-rank updates, a pruned student, int4, and the bundle that serves.

The base model is one that another recipe trained, with its own tokenizer and chat template, as a hub's would have.
"""

import json
import os
from pathlib import Path

import pytest

from tasks.data.rows import Row
from tasks.families.generation.fine_tune import fine_tune
from tests.flows.command_runs import CommandRuns
from tests.flows.test_generation_end_to_end import PROJECT, requests, write
from tests.strictly import strictly
from tests.tasks.generation.conftest import TINY_INIT, TINY_TUNING, snapshot_of, workspace_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME = "orders"
RECIPE = f"""\
name: {NAME}
task: text-generation
data:
  train: rows/*.jsonl
  prompt_column: question
  completion_column: answer
  slice_column: domain
  near_duplicate_similarity: 1.0
  shares: {{tune: 0.2, certify: 0.25, gate: 0.15}}
base_model: base
fine_tune: {{epochs: 3, learning_rate: 2e-3, tokens_per_step: 512, packing: true, lora: {{rank: 16}}}}
distil: {{enabled: false}}
prune:
  {{enabled: true, layers: 2, ffn_share: 0.75, importance_rows: 64, epochs: 2, learning_rate: 3e-3, tokens_per_step: 512}}
generation: {{max_new_tokens: 40}}
quantize: {{candidates: [{{weights: int4, head: int8}}], max_accuracy_loss: 0.05}}
router: {{max_accuracy_loss: 0.05}}
benchmark: {{queries: 700, interleaved_repeats: 3, retries: 0}}
targets: [local-cpu]
gates: {{accuracy: 0.5, token_f1: 0.6, ttft_p99_ms: 500, tokens_per_second: 20}}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> CommandRuns:
    """The base model knows other requests of these kinds a little: low-rank updates teach no new words."""
    folder = tmp_path_factory.mktemp("base-model")
    known = [Row(row["prompt"], row["completion"], row["domain"]) for row in requests()[2100:2900]]
    snapshot = snapshot_of(folder / "snapshot", {"train": known[:700], "tune": known[700:]})
    workspace = workspace_in(folder / "work")
    fine_tune(snapshot, start=TINY_INIT, config=TINY_TUNING, seed=0, workspace=workspace)
    workspace.out.rename(folder / "base")
    (folder / "rows").mkdir()
    rows = [
        {"question": row["prompt"], "answer": row["completion"], "domain": row["domain"]} for row in requests()[:2100]
    ]
    write(folder / "rows" / "one.jsonl", rows[:1000])
    write(folder / "rows" / "two.jsonl", rows[1000:])
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return CommandRuns(folder, os.environ | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)})


def test_a_base_models_folder_comes_to_a_champion_that_answers(runs: CommandRuns) -> None:
    done = runs.run("run", "recipe.yaml", "--json")
    outcome = strictly(done.stdout)
    assert outcome["outcome"] == "PASS", outcome["checks"]
    steps = [step["name"] for step in outcome["steps"]]
    assert "prune" in steps
    assert "distil" not in steps
    checks = {check["name"].split("/")[0] for check in outcome["checks"]}
    assert {"accuracy", "token_f1", "ttft_p99_ms", "tokens_per_second", "certificate"} <= checks
    (result,) = runs.home.glob("store/fine-tune/*/out/result.json")
    tuned = json.loads(result.read_text(encoding="utf-8"))
    assert tuned["method"] == "lora"
    report = Path(outcome["report"]).read_text(encoding="utf-8")
    assert "int4-block32" in report
    assert "pruned" in report
    done = runs.run("predict", f"models:/{NAME}/1", "please tell ann to bring 7 milk", "--json")
    assert done.returncode == 0, done.stderr
    assert strictly(done.stdout)["completion"].startswith('{"function":"')
