"""What is wrong with a recipe's targets is said before anything is started."""

from pathlib import Path

import pytest
import yaml

from flows.home import Home
from flows.preparation import prepare
from tasks.errors import UserError
from tasks.families.load_recipe import load_recipe
from tasks.machine.fingerprint import fingerprint_of
from tasks.machine.host import host

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"


@pytest.fixture(autouse=True)
def without_data_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the quickstart's rows takes longer than all that is tested here."""
    monkeypatch.setattr("tasks.data.sources.resolve_sources", lambda *_args, **_options: ())
    monkeypatch.setattr("tasks.base_models.base_model.resolve_base_model", lambda *_args, **_options: None)


def prepare_with(tmp_path: Path, **target: object) -> tuple[str, ...]:
    """The quickstart's recipe with one target of its own; the names of the targets."""
    (tmp_path / "recipe.yaml").write_text(QUICKSTART.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "targets").mkdir()
    text = yaml.safe_dump({"name": "mine", **target})
    (tmp_path / "targets" / "mine.yaml").write_text(text, encoding="utf-8")
    loaded = load_recipe(tmp_path / "recipe.yaml", ["targets=[mine]", "router.operating_points=[0.02]"])
    prepared = prepare(loaded, Home(tmp_path))
    return tuple(target.name for target in prepared.targets)


def section(**changes: object) -> dict[str, object]:
    return fingerprint_of(host()).model_dump(mode="json", exclude_none=True) | changes


@pytest.mark.parametrize("point", [0.01, 0.02])
def test_an_operating_point_of_the_recipe_and_its_promise_are_taken(tmp_path: Path, point: float) -> None:
    assert prepare_with(tmp_path, operating_point=point) == ("mine",)


def test_an_operating_point_that_nobody_certifies_names_the_targets_file_and_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"targets/mine\.yaml: operating_point: must be one of .*\(0\.01, 0\.02\), not"):
        prepare_with(tmp_path, operating_point=0.03)


def test_a_local_target_that_declares_another_machine_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'mine' declares another machine than this machine .*cores: declared 4096"):
        prepare_with(tmp_path, fingerprint=section(cores=4096))


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"cpus": [0, 4096]}, r"cpus: target 'mine' names CPUs 0, 4096, but this process may use \d"),
        ({"cpus": []}, r"cpus: must have at least one entry"),
        (
            {"execution_provider": "CUDAExecutionProvider"},
            r"execution_provider: CUDAExecutionProvider is not there; the ONNX",
        ),
    ],
)
def test_what_a_local_target_asks_for_in_vain_is_said_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, object], refused: str
) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(UserError, match=r"targets/mine\.yaml: " + refused):
        prepare_with(tmp_path, **asked)


def test_a_pool_has_cpus_and_providers_of_its_own(tmp_path: Path) -> None:
    asked = {"cpus": [4096], "execution_provider": "CUDAExecutionProvider"}
    assert prepare_with(tmp_path, fingerprint=section(), work_pool="edge-boxes", **asked) == ("mine",)


def test_a_pools_machine_is_checked_where_its_worker_runs(tmp_path: Path) -> None:
    assert prepare_with(tmp_path, fingerprint=section(cores=4096), work_pool="edge-boxes") == ("mine",)


def test_the_pipelines_own_pool_cannot_measure_for_it(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"targets/mine\.yaml: work_pool: miaotui-local is the pool of the pipeline itself"
    ):
        prepare_with(tmp_path, fingerprint=section(), work_pool="miaotui-local")
