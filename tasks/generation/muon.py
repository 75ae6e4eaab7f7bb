"""The Muon optimizer (Jordan et al., 2024): momentum whose matrix is made orthogonal before it is applied.

A small decoder trained from nothing learns with it in about half the processor time that AdamW takes. torch's own Muon
iterates in bfloat16, which processors without such units emulate: measured 5 times slower for a whole step than this one.
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

    The update has the root mean square of AdamW's (Liu et al., 2025), so both take learning rates of one size. Matrices of
    one shape are made orthogonal together.
    """

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.1
    ) -> None:
        """Raises ValueError where a parameter is not a matrix."""
        matrices = list(matrices)
        if any(matrix.ndim != 2 for matrix in matrices):
            raise ValueError("Muon is for matrices only")
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
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
            mean = self.state[matrix].setdefault("mean", torch.zeros_like(matrix))
            mean.lerp_(gradient, 1 - group["momentum"])
            updates.append(torch.lerp(gradient, mean, group["momentum"]))
        scale = group["lr"] * _RMS_OF_ADAMW * max(matrices[0].shape) ** 0.5
        for matrix, update in zip(matrices, orthogonal(torch.stack(updates)), strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-scale)


def orthogonal(matrices: Tensor) -> Tensor:
    """Roughly U·Vᵀ of each matrix U·S·Vᵀ of a stack (matrices, rows, columns), by Newton-Schulz iterations.

    The singular values come out between 0.7 and 1.2, which is as good as 1 for an optimizer.
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
