"""A run reads its recipe once, prepares once and hashes each data file once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.command_line import main

PROJECT = Path(__file__).parents[2]
SPLITS = {"train": 40, "validation": 20, "test": 20}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """One that ends before its training, for a text that the base model's tokenizer has no token for."""
    for split, rows in SPLITS.items():
        lines = [json.dumps({"text": f"{split} row number {n}", "label": f"label {n % 2}"}) for n in range(rows)]
        lines += [json.dumps({"text": "\ufffd", "label": "label 0"})] * (split == "test")
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    content = {
        "name": "small",
        "task": "text-classification",
        "data": {split: f"{split}.jsonl" for split in SPLITS} | {"near_duplicate_similarity": 1.0},
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "router": {"if_infeasible": "reference"},
        "targets": ["local-cpu"],
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path / "recipe.yaml"


@pytest.mark.slow
@pytest.mark.prefect
def test_a_run_reads_prepares_and_hashes_once(recipe: Path) -> None:
    folder = recipe.parent
    environment = os.environ | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "tests.flows.counting_command", str(folder / "counts.json"), "run", str(recipe)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "becomes no token" in done.stderr
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    assert counts["read a recipe"] == counts["prepare"] == 1
    assert {split: counts[f"hash {folder / split}.jsonl"] for split in SPLITS} == dict.fromkeys(SPLITS, 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.label_column=intent", "has no column 'intent'"),
        ("data.validation=none.jsonl", "none.jsonl does not exist"),
        ("base_model=./none", "no folder"),
        ("targets=[none]", "unknown target"),
        ("fine_tune.epochs=none", "fine_tune.epochs"),
    ],
)
def test_what_a_person_has_to_mend_is_said_before_any_server_starts(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], override: str, message: str
) -> None:
    def started(**_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setenv("MIAOTUI_HOME", str(recipe.parent / "home"))
    monkeypatch.setattr("flows.servers.embedded.PrefectServer.of_environment", started)
    assert main(["run", str(recipe), "--set", override]) == 2
    assert message in capsys.readouterr().err
