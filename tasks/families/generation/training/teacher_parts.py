"""Models made of a teacher's parts: fewer of its layers, fewer neurons in each."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def with_layers(teacher: "PreTrainedModel", kept: Sequence[int]) -> "PreTrainedModel":
    """A copy with only the layers of these 0-based indices, in their order."""
    from torch.nn import ModuleList

    student = copy.deepcopy(teacher)
    decoder = student.get_decoder()
    decoder.layers = ModuleList([decoder.layers[index] for index in sorted(kept)])
    for index, layer in enumerate(decoder.layers):
        layer.self_attn.layer_idx = index  # its place in the cache
    config = student.config
    config.num_hidden_layers = len(decoder.layers)
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[index] for index in sorted(kept)]
    return student


def keep_neurons(model: "PreTrainedModel", kept: "Sequence[Tensor]") -> None:
    """Cuts each layer's FFN to the neurons of these indices, in place; each layer must keep as many.

    Raises ValueError where they do not: a transformers config has one width for all layers.
    """
    from torch import nn

    widths = {len(indices) for indices in kept}
    if len(widths) > 1:
        raise ValueError(f"all layers keep as many neurons, not {sorted(widths)}")
    for layer, indices in zip(model.get_decoder().layers, kept, strict=True):
        mlp = layer.mlp
        for name in ("gate_proj", "up_proj", "down_proj"):
            old = getattr(mlp, name)
            reads = name != "down_proj"
            weight = old.weight.data[indices] if reads else old.weight.data[:, indices]
            new = nn.Linear(weight.shape[1], weight.shape[0], bias=old.bias is not None, device=weight.device)
            new.weight = nn.Parameter(weight.clone())
            if old.bias is not None:
                new.bias = nn.Parameter((old.bias.data[indices] if reads else old.bias.data).clone())
            setattr(mlp, name, new)
        mlp.intermediate_size = len(indices)
    model.config.intermediate_size = widths.pop()


def evenly_spread(layers: int, count: int) -> tuple[int, ...]:
    """0-based indices of `count` of `layers` layers: the first two, which copy, and the rest evenly up to the last."""
    if count >= layers:
        return tuple(range(layers))
    if count <= 2:
        return tuple(range(count))
    rest = count - 2
    return (0, 1, *(layers - 1 - round(place * (layers - 3) / max(1, rest)) for place in reversed(range(rest))))
