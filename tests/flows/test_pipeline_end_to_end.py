"""The whole pipeline on a tiny model, as a person runs it: killed in every step, finished, run again, and made to fail.

One home is taken through all of it, because the steps are real and take their time.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.servers.processes import Group, start_group
from tests.flows.command_runs import CommandRuns
from tests.strictly import strict_lines

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

PROJECT = Path(__file__).parents[2]
RECIPE = """\
name: tiny
task: text-classification
data:
  train: train.jsonl
  validation: validation.jsonl
  test: test.jsonl
  out_of_scope_label: oos
  slice_column: domain
  near_duplicate_similarity: 1.0
base_model: {base}
fine_tune: {{epochs: 6, learning_rate: 3e-3, max_length: 32, exits: [1, 2]}}
prune: {{target_speedup: 1.05, importance_rows: 64, learning_rate: 1e-3, max_accuracy_loss: 0.05}}
quantize: {{calibration_rows: 32, max_accuracy_loss: 0.05}}
router: {{max_accuracy_loss: 0.02}}
benchmark: {{queries: 700, interleaved_repeats: 3}}
targets: [local-cpu]
gates: {{accuracy: 0.5, size_mb: 120}}
"""
COMPUTED = (
    "snapshot",
    "check-rows",
    "fine-tune",
    "latency-table",
    "prune",
    "export",
    "quantize",
    "lexical-path",
    "calibrate-router",
    "evaluate",
    "probe",
    "benchmark",
)
KILLED_AFTER = ("verdict", "report", "register")


@dataclass
class Pipeline(CommandRuns):
    """One recipe, killed where a test says."""

    killed: list[str] = field(default_factory=list)

    def kill_in(self, step: str) -> None:
        """Runs until the step is at work, then kill -9."""
        process = self.start("run", "recipe.yaml")
        while not list(self.home.glob(f"work/{step}-*/out")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        self._kill(process, step)

    def kill_after(self, step: str) -> None:
        """Runs until the step's line is printed, then kill -9: the next one has begun."""
        process = self.start("run", "recipe.yaml")
        assert process.stderr is not None
        for line in process.stderr:
            if f" {step}: " in line:
                break
        self._kill(process, step)

    def _kill(self, process: "subprocess.Popen[str]", step: str) -> None:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        self.killed.append(step)


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server, so that the killed runs need not start one each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("prefect")
    quiet = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_UI_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = start_group(command, environment=os.environ | quiet, folder=home, log=home / "log")
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(f"{url}/health", server)
        yield url
    finally:
        server.stop(60)


def _wait_for(url: str, server: Group) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert server.died() is None
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def pipeline(
    tiny_data: Path, tiny_base: Path, prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """A home that has come to a verdict although it was killed in every step on the way."""
    folder = tmp_path_factory.mktemp("pipeline")
    for file in tiny_data.glob("*.jsonl"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "recipe.yaml").write_text(RECIPE.format(base=tiny_base), encoding="utf-8")
    environment = os.environ | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)}
    made = Pipeline(folder, environment | {"PREFECT_API_URL": prefect_server})
    sealed: dict[str, str] = {}
    for step in COMPUTED:
        made.kill_in(step)
        assert sealed.items() <= made.sealed().items(), f"a finished step was repeated before {step}"
        sealed = made.sealed()
    for step in KILLED_AFTER:
        made.kill_after(step)
        assert len(made.sealed()) == len(COMPUTED) + 1  # two models are exported
        assert sealed.items() <= made.sealed().items(), f"a finished step was repeated before {step}"
        sealed = made.sealed()
    made.environment.pop("PREFECT_API_URL")
    return made


def test_a_run_killed_in_every_step_comes_to_its_verdict_and_registers_once(pipeline: Pipeline) -> None:
    sealed = pipeline.sealed()
    outcome = pipeline.document("run", "recipe.yaml")
    assert outcome["outcome"] == "PASS"
    assert outcome["alias"] == "champion"
    assert Path(outcome["report"]).is_file()
    assert pipeline.sealed() == sealed
    assert pipeline.killed == [*COMPUTED, *KILLED_AFTER]
    (model,) = pipeline.document("status")
    assert [version["version"] for version in model["versions"]] == [1]
    assert model["champion"]["version"] == 1


def test_running_again_unchanged_computes_nothing_and_promotes_nothing(pipeline: Pipeline) -> None:
    sealed, before = pipeline.sealed(), pipeline.run("status", "--json").stdout
    outcome = pipeline.document("run", "recipe.yaml")
    assert outcome["all_reused"]
    assert all(step["reused"] for step in outcome["steps"])
    assert pipeline.sealed() == sealed
    assert pipeline.run("status", "--json").stdout == before


def test_the_verdict_is_printed_first_and_the_report_last(pipeline: Pipeline) -> None:
    done = pipeline.run("run", "recipe.yaml")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PASS tiny")
    assert lines[-1].startswith("report")
    assert any(line.startswith("paths") and "lexical" in line for line in lines)
    assert any(line.startswith("speed-up") and "× over static-" in line for line in lines)
    assert "\x1b" not in done.stdout + done.stderr
    told = done.stderr.splitlines()
    assert sum(line.startswith("certificate: ") and "certify rows can prove" in line for line in told) == 1
    assert len(told) == len(COMPUTED) + 1 + 1 + 4


def test_a_gate_that_is_missed_ends_with_3_and_moves_no_alias(pipeline: Pipeline) -> None:
    outcome = pipeline.document("run", "recipe.yaml", "--set", "gates.memory_mb=1", code=3)
    assert outcome["outcome"] == "FAIL"
    assert outcome["alias"] is None
    (model,) = pipeline.document("status", "tiny")
    assert model["champion"]["version"] == 1
    assert {version["version"]: version["verdict"] for version in model["versions"]} == {1: "PASS", 2: "FAIL"}


def test_a_new_bundle_is_compared_with_the_champion_and_the_comparison_is_reused_when_it_serves(
    pipeline: Pipeline,
) -> None:
    # What a tiny model gains or loses by another seed is not the point, nor is the noise of its fractions of a millisecond.
    limits = (
        "gates.champion_accuracy_loss=0.5",
        "gates.champion_slice_loss=0.5",
        "gates.champion_slowdown=100",
        "benchmark.retries=0",
    )
    options = [part for change in ("seed=1", *limits) for part in ("--set", change)]
    outcome = pipeline.document("run", "recipe.yaml", *options)
    assert outcome["alias"] == "champion"
    compared = {check["name"]: check for check in outcome["checks"] if check["name"].startswith("champion")}
    assert set(compared) == {"champion_accuracy", "champion_slices", "champion_speed/local-cpu"}
    assert "models:/tiny/1" in compared["champion_accuracy"]["sentence"]
    assert "compare-champion" in [step["name"] for step in outcome["steps"]]

    again = pipeline.document("run", "recipe.yaml", *options)
    assert again["all_reused"]
    assert again["version"] == outcome["version"]
    assert again["checks"] == outcome["checks"]


def test_a_promise_that_the_rows_cannot_prove_is_refused_before_any_training(pipeline: Pipeline) -> None:
    sealed = pipeline.sealed()
    done = pipeline.run("run", "recipe.yaml", "--set", "router.max_accuracy_loss=0.0001")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("miaotui: recipe.yaml: router.max_accuracy_loss: ")
    assert "certify rows" in last
    assert done.stdout == ""
    assert pipeline.sealed() == sealed


def test_data_that_went_bad_is_one_line_and_leaves_no_half_written_result(pipeline: Pipeline) -> None:
    sealed = pipeline.sealed()
    (pipeline.folder / "bad.jsonl").write_text('{"txt": "no such column"}\n', encoding="utf-8")
    done = pipeline.run("run", "recipe.yaml", "--set", "data.train=bad.jsonl")
    assert done.returncode == 2
    assert "bad.jsonl" in done.stderr.splitlines()[-1]
    assert pipeline.sealed() == sealed
    assert not list((pipeline.home / "work").iterdir())


def test_the_champion_answers(pipeline: Pipeline) -> None:
    lines = (pipeline.folder / "test.jsonl").read_text(encoding="utf-8").splitlines()[:20]
    rows = [json.loads(line) for line in lines]
    done = pipeline.run("predict", "models:/tiny@champion", *(row["text"] for row in rows), "--json")
    answers = strict_lines(done.stdout)
    assert [answer["text"] for answer in answers] == [row["text"] for row in rows]
    assert all(answer["path"] for answer in answers)
    right = [(answer["label"] or "oos") == row["label"] for answer, row in zip(answers, rows, strict=True)]
    assert sum(right) >= 16


def test_the_champion_can_be_measured(pipeline: Pipeline) -> None:
    arguments = ["--data", "test.jsonl", "--target", "local-cpu", "--queries", "700"]
    result = pipeline.document("bench", "models:/tiny@champion", *arguments)
    assert {scenario["name"] for scenario in result["scenarios"]} == {"SingleStream", "Offline", "Server"}
    assert result["target"] == "local-cpu"
