"""Fine-tuning: exits, checkpoints that survive a kill, and clear errors about the base model."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.tokenization import TextTokenizer
from tasks.artifact import Workspace
from tasks.base_models.base_model import MINILM, MINILM_SHA256, resolve_base_model
from tasks.errors import UserError
from tasks.families.classification.fine_tune import choose_exits, fine_tune
from tasks.families.classification.recipe import FineTuneConfig

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("configured", "layers", "expected"),
    [(None, 6, (1, 2, 3, 6)), (None, 12, (2, 4, 6, 12)), ((2,), 6, (2, 6)), ((), 6, (6,)), (None, 2, (1, 2))],
)
def test_exits_end_with_the_last_layer(configured, layers: int, expected: tuple[int, ...]) -> None:
    assert choose_exits(configured, layers) == expected


def test_an_exit_beyond_the_encoder_is_a_clear_error() -> None:
    with pytest.raises(UserError, match=r"fine_tune\.exits.*layer 6.*6 layers"):
        choose_exits((2, 6), 6)


def test_the_packaged_base_model_is_found_offline_and_verified() -> None:
    found = resolve_base_model(MINILM, recipe_folder=Path.cwd())
    assert found.digest == MINILM_SHA256


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "nobody/has-this-model"])
def test_a_base_model_that_is_nowhere_is_a_clear_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="base_model"):
        resolve_base_model(name, recipe_folder=tmp_path)


def test_a_base_folder_without_weights_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="safetensors"):
        resolve_base_model("model", recipe_folder=tmp_path)


def test_an_architecture_that_is_not_supported_names_those_that_are(tmp_path: Path) -> None:
    from tasks.families.classification.encoder.architecture import layout_of

    with pytest.raises(UserError, match="distilbert"):
        layout_of("gpt2")


def test_half_written_checkpoints_are_passed_over(tmp_path: Path) -> None:
    from tasks.families.classification.encoder.training import last_whole_checkpoint

    for step, state in ((5, "{}"), (10, "{}"), (15, '{"tor'), (20, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    assert not (tmp_path / "checkpoint-20").exists()


@pytest.mark.slow
def test_training_learns_and_saves_safetensors(tiny) -> None:
    result = tiny.fine_tuned.result
    assert result.exits == (1, 2, 3)
    assert result.accuracy["full"] > 0.9
    assert (tiny.fine_tuned.folder / "model.safetensors").is_file()
    assert not list(tiny.fine_tuned.folder.rglob("*.bin"))


@pytest.mark.slow
def test_the_tokenizer_truncates_to_the_configured_length(tiny) -> None:
    tokenizer = TextTokenizer(tiny.fine_tuned.folder / "tokenizer.json", 32)
    assert len(tokenizer.encode("card " * 500)) == 32


@pytest.mark.slow
def test_a_saved_model_answers_as_before(tiny, tmp_path: Path) -> None:
    import torch

    from tasks.families.classification.encoder.multi_exit import load_model, save_model

    for artifact in (tiny.fine_tuned, tiny.pruned):
        model = load_model(artifact.folder)
        save_model(model, tmp_path / artifact.step)
        again = load_model(tmp_path / artifact.step)
        ids = torch.tensor([[2, 5, 6, 3]])
        assert torch.equal(model(ids, torch.ones_like(ids))["logits"], again(ids, torch.ones_like(ids))["logits"])


KILLED = """
import os, sys
from pathlib import Path
from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import resolve_base_model
from tasks.families.classification.fine_tune import fine_tune
from tasks.families.classification.recipe import FineTuneConfig
from tasks.records import SnapshotResult

def progress(message, fraction=None):
    print(message, flush=True)
    if kill_after and message.startswith("epoch " + kill_after):
        os.kill(os.getpid(), 9)

snapshot_folder, snapshot_result, base, root, kill_after = sys.argv[1:6]
snapshot = Artifact.of("snapshot", Path(snapshot_folder), SnapshotResult.model_validate_json(snapshot_result))
out = Path(root) / "out"
out.mkdir(exist_ok=True)
fine_tune(snapshot, base=resolve_base_model(base, recipe_folder=Path(root)),
          config=FineTuneConfig(epochs=3, learning_rate=3e-3, max_length=32, exits=(1,)), seed=0,
          workspace=Workspace(out, Path(root) / "scratch", progress))
"""


@pytest.mark.slow
def test_a_killed_training_resumes_at_its_last_checkpoint(tiny, tiny_base: Path, tmp_path: Path) -> None:
    def run(kill_after: str) -> subprocess.CompletedProcess[str]:
        arguments = [tiny.snapshot.folder, tiny.snapshot.result.model_dump_json(), tiny_base, tmp_path, kill_after]
        return subprocess.run(
            [sys.executable, "-c", KILLED, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
        )

    assert run("3").returncode == -9
    (state,) = [
        json.loads(p.read_text()) for p in tmp_path.glob("scratch/checkpoints/checkpoint-*/trainer_state.json")
    ][-1:]
    assert state["global_step"] > 0
    shutil.rmtree(tmp_path / "out")
    resumed = run("")
    assert resumed.returncode == 0, resumed.stderr
    epochs = {line.split()[1] for line in resumed.stdout.splitlines() if line.startswith("epoch")}
    assert "1" not in epochs
    assert "3" in epochs


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(tiny, tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    weights = []
    for name in ("a", "b"):
        workspace = Workspace(tmp_path / name, tmp_path / f"{name}-scratch")
        workspace.out.mkdir()
        fine_tune(
            tiny.snapshot,
            base=resolve_base_model(str(tiny_base), recipe_folder=tmp_path),
            config=FineTuneConfig(epochs=1, learning_rate=3e-3, max_length=32, exits=(1,)),
            seed=3,
            workspace=workspace,
        )
        weights.append(load_file(workspace.out / "model.safetensors"))
    for name, tensor in weights[0].items():
        np.testing.assert_array_equal(tensor, weights[1][name])


@pytest.mark.slow
def test_plain_fine_tuning_is_measured_beside_it_and_changes_nothing(tiny, tiny_base: Path, tmp_path: Path) -> None:
    results, weights = {}, {}
    for compare in (False, True):
        workspace = Workspace(tmp_path / f"{compare}", tmp_path / f"{compare}-scratch")
        workspace.out.mkdir()
        results[compare] = fine_tune(
            tiny.snapshot,
            base=resolve_base_model(str(tiny_base), recipe_folder=tmp_path),
            config=FineTuneConfig(epochs=1, learning_rate=3e-3, max_length=32, exits=(1,), compare_plain=compare),
            seed=3,
            workspace=workspace,
        )
        weights[compare] = (workspace.out / "model.safetensors").read_bytes()
    assert weights[True] == weights[False]
    assert results[False].plain_accuracy is None
    assert results[True].plain_accuracy is not None
    assert 0 < results[True].plain_accuracy <= 1


def test_what_a_rank_remarks_is_put_on_the_record(tmp_path: Path) -> None:
    from tasks.families.classification.encoder.processes import _follow

    told: list[object] = []
    workspace = Workspace(
        tmp_path, tmp_path, progress=lambda *step: told.append(step), remark=lambda sentence: told.append(sentence)
    )
    lines = [
        b'["epoch 1 of 2", 0.5]\n',
        b"a library's line\n",
        b'{"remark": "a prefix was taken off"}\n',
        b'{"x": 1}\n',
    ]
    _follow(io.BytesIO(b"".join(lines)), workspace)
    assert told == [("epoch 1 of 2", 0.5), "a prefix was taken off"]
