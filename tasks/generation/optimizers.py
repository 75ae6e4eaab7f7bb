"""The optimizers of a decoder: Muon for the matrices of its layers, AdamW for all else or for everything."""

from typing import Any, Final, Literal

import torch
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from tasks.generation.muon import Muon

OptimizerName = Literal["muon", "adamw"]
_BETAS: Final = (0.9, 0.95)
_READING: Final = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")  # output features are heads or neurons
_WRITING: Final = ("o_proj", "down_proj")  # input features are
_NEURONS: Final = 64


def optimizers_of(
    model: PreTrainedModel, name: OptimizerName, *, learning_rate: float, embedding_rate: float, weight_decay: float
) -> tuple[Optimizer, ...]:
    """For every parameter that is trained; `embedding_rate` for what Muon does not take, biases and norms among it."""
    trained = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    if name == "adamw":
        matrices = [parameter for parameter in trained.values() if parameter.ndim >= 2]
        rest = [parameter for parameter in trained.values() if parameter.ndim < 2]
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return (AdamW([group for group in groups if group["params"]], lr=learning_rate, betas=_BETAS, fused=True),)
    head = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads
    blocks = [_group(trained, kind, head) for kind in (*_READING, *_WRITING)]
    muon = Muon([group for group in blocks if group["params"]], lr=learning_rate, weight_decay=weight_decay)
    taken = {id(parameter) for group in blocks for parameter in group["params"]}
    others = [parameter for parameter in trained.values() if id(parameter) not in taken]
    return muon, AdamW(others, lr=embedding_rate, betas=_BETAS, weight_decay=0.0, fused=True)


def _group(trained: dict[str, torch.nn.Parameter], kind: str, head: int) -> dict[str, Any]:
    return {
        "params": [parameter for key, parameter in trained.items() if key.endswith(f"{kind}.weight")],
        "axis": 0 if kind in _READING else 1,
        "block": head if kind in ("q_proj", "k_proj", "v_proj", "o_proj") else _NEURONS,
    }
