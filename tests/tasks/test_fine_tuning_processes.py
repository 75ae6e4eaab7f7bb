"""Fine-tuning in two processes on the CPUs: it learns, rank 0's model is whole, and a lost rank is a clear error."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import resolve_base_model
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import resolve_sources
from tasks.errors import UserError
from tasks.families.classification.encoder.processes import TrainingProcessError
from tasks.families.classification.fine_tune import fine_tune
from tasks.families.classification.recipe import FineTuneConfig
from tasks.families.classification.records import FineTuneResult
from tasks.recipe.data import DataConfig
from tasks.records import SnapshotResult
from tests.tiny_bases import alter_weights

pytestmark = pytest.mark.slow

TWO = FineTuneConfig(epochs=2, learning_rate=3e-3, max_length=32, exits=(1,), exit_start=0.0, processes=2)


def silent(_message: str, _fraction: float | None = None) -> None:
    return None


@pytest.fixture(scope="module")
def snapshot(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact[SnapshotResult]:
    folder = tmp_path_factory.mktemp("snapshot")
    config = DataConfig(
        train="train.jsonl", validation="validation.jsonl", test="test.jsonl", near_duplicate_similarity=1.0
    )
    sources = resolve_sources(config, recipe_file=tiny_data / "recipe.yaml", home=folder)
    workspace = Workspace(folder / "out", folder / "scratch")
    workspace.out.mkdir()
    return Artifact.of("snapshot", workspace.out, take_snapshot(config, sources=sources, seed=0, workspace=workspace))


def tuned(
    snapshot: Artifact[SnapshotResult],
    base: Path,
    folder: Path,
    config: FineTuneConfig = TWO,
    progress: Callable[..., None] = silent,
) -> FineTuneResult:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    files = resolve_base_model(str(base), recipe_folder=folder)
    return fine_tune(
        snapshot, base=files, config=config, seed=0, workspace=Workspace(out, folder / "scratch", progress)
    )


def ranks() -> dict[str, psutil.Process]:
    """The processes of the training that goes on below this one, by rank."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        if (
            "tasks.families.classification.encoder.rank" in process.cmdline()
            and "accelerate.commands.launch" not in process.cmdline()
        ):
            found[process.environ()["RANK"]] = process
    return found


def test_a_lost_rank_is_a_clear_error_and_the_next_try_goes_on_and_leaves_a_whole_model(
    snapshot: Artifact[SnapshotResult], tiny_base: Path, tmp_path: Path
) -> None:
    from tasks.families.classification.encoder.multi_exit import load_model

    killed: list[psutil.Process] = []

    def kills_rank_one(_message: str, fraction: float | None = None) -> None:
        if fraction is not None and fraction > 0.6 and not killed:  # the checkpoint of the first of two epochs is there
            killed.extend(ranks().values())
            ranks()["1"].kill()

    with pytest.raises(TrainingProcessError, match=r"in 2 processes failed, rank 1 was ended by SIGKILL"):
        tuned(snapshot, tiny_base, tmp_path, progress=kills_rank_one)
    assert len(killed) == 2
    psutil.wait_procs(killed, timeout=30)
    assert not any(process.is_running() for process in killed)

    told: list[str] = []
    result = tuned(snapshot, tiny_base, tmp_path, progress=lambda message, _fraction=None: told.append(message))
    assert not any(message.startswith("epoch 1") for message in told)
    assert any("tune accuracy" in message for message in told)
    assert result.epochs_run == 2
    assert result.accuracy["full"] > 0.8
    model = load_model(tmp_path / "out")
    assert sum(parameter.numel() for parameter in model.parameters()) == result.parameters


def test_what_a_rank_raises_is_in_the_error(
    snapshot: Artifact[SnapshotResult], tiny_base: Path, tmp_path: Path
) -> None:
    without = replace(snapshot, folder=shutil.copytree(snapshot.folder, tmp_path / "snapshot"))
    (without.folder / "train.jsonl").unlink()
    with pytest.raises(TrainingProcessError, match=r"rank [01]: FileNotFoundError") as caught:
        tuned(without, tiny_base, tmp_path)
    assert "Traceback" in (tmp_path / "scratch" / "processes.log").read_text(encoding="utf-8")
    assert str(tmp_path / "scratch" / "processes.log") in str(caught.value)


def test_what_a_person_has_to_mend_is_said_as_without_processes(
    snapshot: Artifact[SnapshotResult], tiny_base: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    alter_weights(base, lambda weights: dict(list(weights.items())[1:]))
    with pytest.raises(UserError, match="base_model: the weights do not fit"):
        tuned(snapshot, base, tmp_path)
