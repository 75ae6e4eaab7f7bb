"""Every command ends in an exit code that says what happened, and every error a person causes is one line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.errors import BundleError
from flows.command_line import bench, main, predict, recalibrate, run, status
from tasks.errors import UserError
from tests.flows.command_errors import fails_with

pytestmark = pytest.mark.usefixtures("own_home")
PROJECT = Path(__file__).parents[2]
RECIPE = """\
name: support-intents
task: text-classification
data: {train: train.jsonl}
base_model: some/model
targets: [local-cpu]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["run"], ["predict"], ["bench", "x"], ["run", "x", "--nonsense"]]
)
def test_wrong_usage_ends_with_2(arguments: Sequence[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: miaotui" in capfd.readouterr().err


def test_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capfd.readouterr().out.startswith("miaotui ")


def test_an_unknown_recipe_field_names_the_nearest_and_makes_no_home(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = fails_with(capfd, "run", str(recipe), "--set", "fine_tune.epochz=3")
    assert line == "miaotui: --set fine_tune.epochz: unknown field; did you mean fine_tune.epochs?"
    assert not own_home.exists()


def test_missing_data_is_said_without_starting_anything(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = fails_with(capfd, "run", str(recipe))
    assert "data.train" in line
    assert "train.jsonl does not exist" in line
    assert not (own_home / "prefect").exists()
    assert not (own_home / "store").exists()


def test_a_missing_base_model_names_the_recipe_and_the_field(recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "train.jsonl").write_text('{"text": "a", "label": "b"}\n', encoding="utf-8")
    line = fails_with(capfd, "run", str(recipe), "--set", "base_model=./nowhere")
    assert f"{recipe}: base_model: no folder" in line


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"text": f"row {n}", "label": "same"} for n in range(50)],
            "train.jsonl: a classifier needs at least two labels",
        ),
        ([{"text": f"row {n}", "intent": n % 2} for n in range(50)], "has no column 'label'; its columns are"),
        (
            [{"text": f"row {n}", "label": n % 2} for n in range(50)],
            "recipe.yaml: router.max_accuracy_loss: a loss of at",
        ),
    ],
)
def test_what_is_wrong_with_the_rows_is_said_before_a_server_is_started(
    recipe: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rows: Sequence[dict[str, object]],
    said: str,
) -> None:
    monkeypatch.setattr("flows.servers.embedded.PrefectServer.of_environment", lambda **_: pytest.fail("was started"))
    (recipe.parent / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    base = "base_model=sentence-transformers/all-MiniLM-L6-v2"
    exact = "data.near_duplicate_similarity=1.0"
    assert main(["run", str(recipe), "--set", base, "--set", exact]) == 2
    assert said in capfd.readouterr().err.splitlines()[-1]


def test_a_home_that_cannot_be_written_names_the_way_out(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own_home.write_text("a file in its place", encoding="utf-8")
    assert "MIAOTUI_HOME" in fails_with(capfd, "run", str(recipe))


def test_an_internal_error_is_one_line_and_a_traceback_in_a_log(
    own_home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_options: object) -> int:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(status, "execute", broken)
    line = fails_with(capfd, "status", code=1)
    assert line.startswith("miaotui: internal error: ZeroDivisionError: a b")
    (log,) = (own_home / "logs").glob("error-*.log")
    assert str(log) in line
    assert "in broken" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("bad row", file="data.jsonl", field="line 3"), 2, "data.jsonl: line 3: bad row"),
        (BundleError("altered"), 2, "altered"),
        (OSError(28, "No space left on device", "/full"), 2, "/full: no space left on the disk"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_end_has_its_code(
    error: BaseException, code: int, said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_options: object) -> int:
        raise error

    monkeypatch.setattr(status, "execute", ends)
    assert said in fails_with(capfd, "status", code=code)


def test_nobody_reading_any_more_is_no_error_message(recipe: Path) -> None:
    script = "import sys\nfrom flows.command_line import main, status\n"
    script += "def much(_):\n    while True: print('x' * 1000)\nstatus.execute = much\nsys.exit(main(['status']))"
    command = f'{sys.executable} -c "$SCRIPT" | head -1; exit ${{PIPESTATUS[0]}}'
    environment = os.environ | {"SCRIPT": script, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")


def test_status_before_anything_is_registered(own_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "no model is registered yet" in capfd.readouterr().out
    assert main(["status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []
    assert "support-intents is not registered" in fails_with(capfd, "status", "support-intents")
    assert not (own_home / "mlflow.db").exists()


def test_all_commands_have_help(capfd: pytest.CaptureFixture[str]) -> None:
    helpful: list[Callable[..., object]] = [module.add_to for module in (run, predict, bench, recalibrate, status)]
    assert helpful
    for command in ("run", "predict", "bench", "recalibrate", "status"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert "--json" in capfd.readouterr().out
