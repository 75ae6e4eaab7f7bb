"""Checkpoints of a training as safetensors: weights, the optimizers' state and the losses so far, whole or not there."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer
from transformers import PreTrainedModel

from engine import strict_json
from tasks.whole_files import publish

_TENSORS: Final = "state.safetensors"
_LOSSES: Final = "losses.json"


def store(
    folder: Path, step: int, model: PreTrainedModel, optimizers: Sequence[Optimizer], losses: Sequence[float]
) -> None:
    """Writes a checkpoint beside the last one, then removes that."""
    unfinished = folder / f"unfinished-{step}"
    shutil.rmtree(unfinished, ignore_errors=True)  # of a training that was killed while it wrote this one
    older = list(folder.glob("*"))
    unfinished.mkdir(parents=True)
    tensors = {f"model.{name}": parameter.detach().contiguous() for name, parameter in _trained(model).items()}
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{key}": value.contiguous() for key, value in state.items()}
    save_file(tensors, unfinished / _TENSORS)
    (unfinished / _LOSSES).write_text(strict_json.dumps(list(losses), ascii_only=True), encoding="utf-8")
    publish(unfinished, folder / f"step-{step}")
    for path in older:
        shutil.rmtree(path)


def restore(folder: Path, model: PreTrainedModel, optimizers: Sequence[Optimizer]) -> tuple[int, list[float]]:
    """Puts the last whole checkpoint into model and optimizers.

    Returns the number of steps done and their losses; 0 and none where there is no checkpoint.
    """
    found = sorted(folder.glob("step-*"), key=lambda path: int(path.name.partition("-")[2]))
    if not found:
        return 0, []
    tensors = load_file(found[-1] / _TENSORS)
    with torch.no_grad():
        for name, parameter in _trained(model).items():
            parameter.copy_(tensors[f"model.{name}"])
    for number, optimizer in enumerate(optimizers):
        saved = optimizer.state_dict()
        for key, value in tensors.items():
            place = key.split(".")
            if place[:2] == ["optimizer", str(number)]:
                saved["state"].setdefault(int(place[2]), {})[place[3]] = value
        optimizer.load_state_dict(saved)
    losses = strict_json.loads((found[-1] / _LOSSES).read_text(encoding="utf-8"))
    return len(losses), losses


def _trained(model: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
