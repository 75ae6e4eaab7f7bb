"""The optimizers of a decoder: Muon for the matrices of its layers, AdamW for all else or for everything.

They have nothing in common, so their steps may run at the same time; Muon's work is cut into halves for that.
"""

from typing import Any, Final, Literal

import torch
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from tasks.families.generation.training.muon import Muon

OptimizerName = Literal["muon", "adamw"]
_BETAS: Final = (0.9, 0.95)
_READING: Final = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")  # output features are heads or neurons
_WRITING: Final = ("o_proj", "down_proj")  # input features are
_NEURONS: Final = 64


def optimizers_of(
    model: PreTrainedModel, name: OptimizerName, *, learning_rate: float, embedding_rate: float, weight_decay: float
) -> tuple[Optimizer, ...]:
    """For every parameter that is trained; `embedding_rate` for what Muon does not take, biases and norms among it.

    Raises ValueError where there is nothing that Muon would take, as with low-rank updates: all would be trained at another
    rate than `learning_rate`.
    """
    trained = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    if name == "adamw":
        matrices = [parameter for parameter in trained.values() if parameter.ndim >= 2]
        rest = [parameter for parameter in trained.values() if parameter.ndim < 2]
        kinds = [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return (AdamW([group for group in kinds if group["params"]], lr=learning_rate, betas=_BETAS, fused=True),)
    head = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads
    groups = [_group(trained, kind, head) for kind in (*_READING, *_WRITING)]
    halves = [[{**group, "params": group["params"][start::2]} for group in groups] for start in (0, 1)]
    muons = [
        Muon([group for group in half if group["params"]], lr=learning_rate, weight_decay=weight_decay)
        for half in halves
        if any(group["params"] for group in half)
    ]
    if not muons:
        raise ValueError("none of the trained weights is a matrix of a layer, which Muon is for")
    taken = {id(parameter) for group in groups for parameter in group["params"]}
    others = [parameter for parameter in trained.values() if id(parameter) not in taken]
    return *muons, AdamW(others, lr=embedding_rate, betas=_BETAS, weight_decay=0.0, fused=True)


def _group(trained: dict[str, torch.nn.Parameter], kind: str, head: int) -> dict[str, Any]:
    return {
        "params": [parameter for key, parameter in trained.items() if key.endswith(f"{kind}.weight")],
        "axis": 0 if kind in _READING else 1,
        "block": head if kind in ("q_proj", "k_proj", "v_proj", "o_proj") else _NEURONS,
    }
