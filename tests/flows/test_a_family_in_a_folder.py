"""A task family is one folder: beside the others it goes from recipe to verdict and registration, and is served without it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tasks.families
from engine import AdaptiveModel
from engine.bundle import read_manifest
from engine.errors import BundleError
from engine.runtimes import runtimes
from flows.steps.code_digest import code_of
from tasks.families.family import bundle_reading, families
from tasks.families.load_recipe import load_recipe
from tests.conftest import tiny_rows

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parents[2]
SOURCE = Path(__file__).parent / "keyword_family"
RECIPE = """\
name: topics
task: keywords
data: {train: questions.csv, near_duplicate_similarity: 1.0}
count: {quick_words: 12}
router: {max_accuracy_loss: 0.05}
benchmark: {queries: 64, interleaved_repeats: 3, retries: 0}
targets: [local-cpu]
gates: {accuracy: 0.7, size_mb: 1}
"""
WITH_THE_FAMILY = """
import sys
import tasks.families
tasks.families.__path__.append(sys.argv.pop(1))
from flows.command_line.main import main
from tests.flows.settled_command import settle
settle()
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the family's and nothing else."""
    folder = tmp_path_factory.mktemp("families")
    shutil.copytree(SOURCE, folder / "keywords", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe and its rows."""
    folder = tmp_path_factory.mktemp("topics")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    with (folder / "questions.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("question", "topic"))
        rows.writerows((row["text"], row["label"]) for row in tiny_rows(1500, 4))
    return folder


@pytest.fixture
def beside_the_others(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the test, the family is one of those that there are."""
    monkeypatch.setattr(tasks.families, "__path__", [*tasks.families.__path__, str(elsewhere)])
    for name in [name for name in sys.modules if name.startswith("tasks.families.keywords")]:
        monkeypatch.delitem(sys.modules, name)


def command(project: Path, *arguments: str, code: int = 0) -> str:
    """Standard output of a command in a process of its own."""
    environment = os.environ | {"MIAOTUI_HOME": str(project / "home"), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def outcome(project: Path, elsewhere: Path) -> dict[str, Any]:
    """What `miaotui run --json` says."""
    run = ("-c", WITH_THE_FAMILY, str(elsewhere), "run", "recipe.yaml", "--json")
    found: dict[str, Any] = json.loads(command(project, *run))
    return found


@pytest.fixture(scope="module")
def bundle(project: Path, outcome: dict[str, Any]) -> Path:
    """The one that was made."""
    (folder,) = (project / "home" / "store" / "calibrate-router").glob("*/out/bundle")
    return folder


def test_it_comes_to_a_verdict_and_is_registered(outcome: dict[str, Any]) -> None:
    assert outcome["outcome"] == "PASS"
    assert (outcome["alias"], outcome["version"]) == ("champion", 1)
    checks = {check["name"]: check for check in outcome["checks"]}
    assert checks["accuracy"]["outcome"] == checks["certificate"]["outcome"] == checks["leakage"]["outcome"] == "PASS"
    assert [step["name"] for step in outcome["steps"]][:4] == [
        "snapshot",
        "count-words",
        "write-graphs",
        "calibrate-router",
    ]


def test_its_certificate_is_of_its_own_two_paths(bundle: Path) -> None:
    certificates = json.loads((bundle / "certificate.json").read_text(encoding="utf-8"))
    (certificate,) = [entry for entry in certificates if entry["epsilon"] == 0.05]
    assert certificate["certified"]
    assert set(certificate["stop_shares"]) == {"quick", "full"}
    assert certificate["stop_shares"]["quick"] > 0


def test_its_words_stand_in_the_report(outcome: dict[str, Any]) -> None:
    report = Path(outcome["report"]).read_text(encoding="utf-8")
    assert "Counted words" in report
    assert "words of the quick path" in report


def test_its_champion_answers_where_nobody_knows_the_family(project: Path, outcome: dict[str, Any]) -> None:
    asked = ["my wallet is gone so please stop it", "what is the weather forecast for tomorrow"]
    printed = command(project, "-m", "flows.command_line", "predict", "models:/topics@champion", *asked, "--json")
    answers = [json.loads(line) for line in printed.splitlines()]
    assert [answer["label"] for answer in answers] == ["card_lost", "weather"]
    assert {answer["path"] for answer in answers} <= {"quick", "full"}


def test_its_bundle_names_the_family_and_borrows_a_runtime(bundle: Path, beside_the_others: None) -> None:
    manifest = read_manifest(bundle)
    assert (manifest.task, manifest.answered_as) == ("keywords", "text-classification")
    assert "keywords" not in runtimes()
    assert type(AdaptiveModel.load(bundle)).__name__ == runtimes()["text-classification"].MODEL
    assert bundle_reading(bundle).data.text_column == "question"


def test_without_the_folder_there_is_no_such_family(project: Path, bundle: Path) -> None:
    assert "keywords" not in families()
    said = subprocess.run(
        [sys.executable, "-m", "flows.command_line", "run", str(project / "recipe.yaml")],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert "unknown task family; must be " in said.stderr
    with pytest.raises(BundleError, match="'keywords'"):
        bundle_reading(bundle)


def test_its_steps_depend_on_its_own_code(elsewhere: Path, project: Path, beside_the_others: None) -> None:
    assert load_recipe(project / "recipe.yaml").recipe.task == "keywords"
    code = code_of("tasks.families.keywords.count")
    assert {"tasks.families.keywords.recipe", "tasks.families.keywords.records", "tasks.data.rows"} <= set(code.modules)
    file = elsewhere / "keywords" / "records.py"
    before = file.read_bytes()
    try:
        file.write_bytes(before + b"\n")
        assert code_of("tasks.families.keywords.count").digest != code.digest
    finally:
        file.write_bytes(before)
