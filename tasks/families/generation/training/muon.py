"""The Muon optimizer (Jordan et al., 2024): momentum whose matrix is made orthogonal before it is applied.

A small decoder trained from nothing learns with it in about half the processor time that AdamW takes. Matrices are made
orthogonal in blocks (one attention head, or as many neurons), which is several times cheaper than as a whole. torch's own
Muon iterates in bfloat16, which processors without such units emulate: measured 5 times slower for a whole step.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

_COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
_ITERATIONS: Final = 5
_RMS_OF_ADAMW: Final = 0.2
_TINY: Final = 1e-7


class Muon(Optimizer):
    """For the matrices of hidden layers; embeddings, norms and biases belong to AdamW.

    The update has the root mean square of AdamW's (Liu et al., 2025), so both take learning rates of one size. `groups`:
    as torch's, each with `axis` (0 or 1), along which its matrices are cut into blocks of `block` rows or columns; a
    matrix that does not divide, and every one of a group without `block`, is one block.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, momentum: float = 0.95, weight_decay: float = 0.1
    ) -> None:
        """Raises ValueError where a parameter is not a matrix."""
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "axis": 0, "block": None}
        super().__init__(groups, defaults)
        if any(matrix.ndim != 2 for group in self.param_groups for matrix in group["params"]):
            raise ValueError("Muon is for matrices only")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for alike in _by_shape(group["params"]):
                self._update(alike, group)
        return loss

    def _update(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        updates = []
        for matrix in matrices:
            gradient = matrix.grad
            assert gradient is not None
            if "mean" not in self.state[matrix]:
                self.state[matrix]["mean"] = torch.zeros_like(matrix)
            mean = self.state[matrix]["mean"].lerp_(gradient, 1 - group["momentum"])
            updates.append(torch.lerp(gradient, mean, group["momentum"]))
        shape, axis, block = matrices[0].shape, group["axis"], group["block"]
        count = shape[axis] // block if block and shape[axis] % block == 0 else 1
        blocks = torch.stack([part for update in updates for part in update.chunk(count, axis)])
        scale = group["lr"] * _RMS_OF_ADAMW * max(blocks.shape[1:]) ** 0.5
        steps = orthogonal(blocks).chunk(len(matrices))
        for matrix, parts in zip(matrices, steps, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(torch.cat(tuple(parts), axis), alpha=-scale)


def orthogonal(matrices: Tensor) -> Tensor:
    """Roughly U·Vᵀ of each matrix U·S·Vᵀ of a stack (matrices, rows, columns), by Newton-Schulz iterations.

    The singular values come out near 1 (between 0.4 and 1.3), which is as good as 1 for an optimizer.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    current = matrices.mT if tall else matrices
    current = current / (current.norm(dim=(1, 2), keepdim=True) + _TINY)
    for _ in range(_ITERATIONS):
        square = current @ current.mT
        current = a * current + (b * square + c * square @ square) @ current
    return current.mT if tall else current


def _by_shape(matrices: Iterable[Tensor]) -> list[list[Tensor]]:
    alike: dict[torch.Size, list[Tensor]] = {}
    for matrix in matrices:
        if matrix.grad is not None:
            alike.setdefault(matrix.shape, []).append(matrix)
    return list(alike.values())
