"""Heads padded with zeros to a size that ONNX Runtime's GroupQueryAttention takes: a multiple of 16.

The padded model computes the same function. Rotary embedding turns the two halves of a head against each other, so each
half is padded at its own end; `rope_theta` and the scale of the queries make up for the larger head size; the output
projection never reads what was added.
"""

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE: Final = 16
_WEIGHTS: Final = "model.safetensors"


def pad_heads(model: Path, padded: Path) -> Path:
    """The transformers folder to export: `model` itself where its head size fits, else `padded`, which is written.

    Raises UserError where padding would not be exact (normalised queries, scaled rotary embedding, sharded weights).
    """
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    heads = config.get("num_attention_heads")
    size = config.get("head_dim") or (config["hidden_size"] // heads if heads else MULTIPLE)
    if size % MULTIPLE == 0:
        return model
    _require_exact(config, size, model)
    wanted = math.ceil(size / MULTIPLE) * MULTIPLE

    from safetensors.torch import load_file, save_file

    shutil.rmtree(padded, ignore_errors=True)
    shutil.copytree(model, padded)
    weights = load_file(padded / _WEIGHTS)
    save_file(
        {name: _padded(name, value, size, wanted) for name, value in weights.items()},
        padded / _WEIGHTS,
        metadata={"format": "pt"},
    )
    theta = float(config.get("rope_theta", 10_000.0)) ** (wanted / size)
    config |= {"head_dim": wanted, "rope_theta": theta}
    (padded / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    return padded


def _padded(name: str, value: "Tensor", size: int, wanted: int) -> "Tensor":
    """One tensor; `size` and `wanted` of a head. Queries are scaled, since attention divides by the root of `wanted`."""
    import torch

    half = size // 2
    kept = torch.cat((torch.arange(half), wanted // 2 + torch.arange(half)))
    if any(part in name for part in (".q_proj.", ".k_proj.", ".v_proj.")):
        scale = math.sqrt(wanted / size) if ".q_proj." in name else 1.0
        rows = torch.zeros(value.shape[0] // size, wanted, *value.shape[1:], dtype=value.dtype)
        rows[:, kept] = value.view(-1, size, *value.shape[1:]) * scale
        return rows.flatten(0, 1)
    if name.endswith(".o_proj.weight"):
        columns = torch.zeros(value.shape[0], value.shape[1] // size, wanted, dtype=value.dtype)
        columns[:, :, kept] = value.view(value.shape[0], -1, size)
        return columns.flatten(1, 2)
    return value


def _require_exact(config: dict[str, Any], size: int, model: Path) -> None:
    scaling = config.get("rope_scaling") or {}
    reasons = {
        f"its architecture is {config.get('model_type')}": config.get("model_type")
        not in ("llama", "mistral", "qwen2"),
        "its rotary embedding is scaled": scaling.get("rope_type", scaling.get("type", "default")) != "default",
        "its head size is odd": size % 2 == 1,
        "its weights are in several files": not (model / _WEIGHTS).is_file(),
    }
    for reason, holds in reasons.items():
        if holds:
            raise UserError(
                f"the head size is no multiple of {MULTIPLE} and cannot be padded exactly: {reason}", file=model
            )
