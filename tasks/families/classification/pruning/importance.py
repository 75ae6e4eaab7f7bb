"""First-order importance of FFN neurons and whole layers.

Every neuron, and every layer as a whole, gets a gate of one; the mean squared gradient of the loss with respect to a gate
estimates the loss of closing it (diagonal Fisher information: Kwon et al. 2022, "A Fast Post-Training Pruning Framework").
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
from tasks.finite import finite


@dataclass(frozen=True)
class Importance:
    """`neurons`: per layer (width,); `layers`: (layers,). Mean squared gate gradients, comparable with each other."""

    neurons: tuple[NDArray[np.float64], ...]
    layers: NDArray[np.float64]


def measure_importance(model: MultiExitClassifier, batches: Iterable[dict[str, Tensor]]) -> Importance:
    """Gradients of the joint loss per example; `batches` have input_ids, attention_mask and labels."""
    squares: list[Tensor] = []
    rows = 0
    for batch in batches:
        size = len(batch["labels"])
        with _gates(model, size) as gates:
            loss = model(**batch)["loss"] * size
            gradients = torch.autograd.grad(loss, gates)
        rows += size
        summed = [gradient.reshape(size, -1).square().sum(0) for gradient in gradients]
        squares = [old + new for old, new in zip(squares, summed, strict=True)] if squares else summed
    means = [finite("importance of neurons and layers", (square / rows).double().numpy()) for square in squares]
    return Importance(neurons=tuple(means[0::2]), layers=np.concatenate(means[1::2]))


@contextmanager
def _gates(model: MultiExitClassifier, rows: int) -> Iterator[list[Tensor]]:
    """Gates of one per example: for each layer its neurons' (rows, 1, width), then its own (rows, 1, 1)."""
    gates: list[Tensor] = []
    handles = []
    for layer in model.layers:
        dense_out = model.layout.feed_forward(layer).dense_out
        neurons = torch.ones(rows, 1, dense_out.in_features, requires_grad=True)
        whole = torch.ones(rows, 1, 1, requires_grad=True)
        gates += [neurons, whole]
        handles.append(dense_out.register_forward_pre_hook(lambda _, inputs, gate=neurons: (inputs[0] * gate,)))
        handles.append(layer.register_forward_hook(_layer_gate(whole, model.layout.hidden_output)))
    try:
        yield gates
    finally:
        for handle in handles:
            handle.remove()


def _layer_gate(gate: Tensor, index: int) -> Callable[..., tuple[Tensor, ...]]:
    """A hook that blends the layer's hidden states, its output number `index`, with its input; closed, the input passes."""

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        outputs = list(output)
        outputs[index] = gate * outputs[index] + (1 - gate) * inputs[0]
        return tuple(outputs)

    return hook
