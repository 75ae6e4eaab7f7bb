"""Checkpoints are whole or not there, whenever the process dies."""

from pathlib import Path

import pytest
import torch

from tasks.families.generation.training import checkpoints
from tasks.families.generation.training.checkpoints import restore, store
from tasks.families.generation.training.optimizers import optimizers_of
from tests.tasks.generation.test_induction_heads import llama


class KilledError(Exception):
    """Stands for the death of the process."""


def optimizers(model: torch.nn.Module) -> tuple[torch.optim.Optimizer, ...]:
    return optimizers_of(model, "adamw", learning_rate=1e-3, embedding_rate=1e-3, weight_decay=0.1)


def test_what_is_stored_is_restored(tmp_path: Path) -> None:
    model = llama(2)
    store(tmp_path, 2, model, optimizers(model), [3.0, 2.0])
    other = llama(2)
    with torch.no_grad():
        other.model.norm.weight.zero_()
    assert restore(tmp_path, other, optimizers(other)) == (2, [3.0, 2.0])
    assert torch.equal(other.model.norm.weight, model.model.norm.weight)


@pytest.mark.parametrize("cut", ["save_file", "mkdir"])
def test_a_kill_while_one_is_written_leaves_the_last_and_the_resumed_training_writes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    model = llama(2)
    own = optimizers(model)
    store(tmp_path, 10, model, own, [1.0] * 10)

    def die(_tensors: object, file: Path) -> None:
        if cut == "save_file":
            file.write_bytes(b"half")
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", die)
        with pytest.raises(KilledError):
            store(tmp_path, 20, model, own, [1.0] * 20)
    assert {path.name for path in tmp_path.iterdir()} == {"step-10", "unfinished-20"}
    assert restore(tmp_path, model, own)[0] == 10
    store(tmp_path, 20, model, own, [1.0] * 20)
    assert [path.name for path in tmp_path.iterdir()] == ["step-20"]
    assert restore(tmp_path, model, own)[0] == 20
    store(tmp_path, 30, model, own, [1.0] * 30)
    assert [path.name for path in tmp_path.iterdir()] == ["step-30"]


def test_a_kill_before_the_older_one_is_removed_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama(2)
    own = optimizers(model)
    store(tmp_path, 10, model, own, [1.0] * 10)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.shutil, "rmtree", lambda path, **_options: None if not path.exists() else die())
        with pytest.raises(KilledError):
            store(tmp_path, 20, model, own, [1.0] * 20)
    assert restore(tmp_path, model, own)[0] == 20
    store(tmp_path, 30, model, own, [1.0] * 30)
    assert [path.name for path in tmp_path.iterdir()] == ["step-30"]


def die() -> None:
    raise KilledError
