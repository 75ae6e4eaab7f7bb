"""Numbers are finite where they are made: one check for weights, embeddings, logits and losses, whoever made them.

A NaN that travels on is an internal error three steps later, or an answer without a meaning.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


def finite(what: str, values: NDArray[Any], *, field: str | None = None) -> NDArray[Any]:
    """The values as they are; UserError that says which of `what` are not finite."""
    good = np.isfinite(values)
    if not good.all():
        first = tuple(int(place) for place in np.argwhere(~good)[0])
        raise _not_finite(what, int((~good).sum()), values.size, str(list(first)), field)
    return values


def require_finite_tensors(what: str, tensors: "Iterable[tuple[str, Tensor]]", *, field: str | None = None) -> None:
    """UserError that names the first of the tensors of `what` with numbers that are not finite."""
    import torch

    for name, tensor in tensors:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            raise _not_finite(f"{what}, {name}", bad, tensor.numel(), None, field)


def require_finite_weights(what: str, model: "nn.Module", *, field: str | None = None) -> None:
    """UserError that names the first of a model's tensors with numbers that are not finite."""
    require_finite_tensors(what, model.state_dict().items(), field=field)


def require_finite_loss(loss: float, *, step: int, learning_rate: float, phase: str = "", field: str) -> float:
    """The loss; UserError that says when a training went astray and what to lower. `step` counts from 1."""
    if not np.isfinite(loss):
        raise UserError(
            f"{phase}the loss is {loss} at step {step:,} with a learning rate of {learning_rate:.3g}: training has gone "
            "astray; lower the learning rate",
            field=field,
        )
    return loss


def _not_finite(what: str, bad: int, of: int, place: str | None, field: str | None) -> UserError:
    first = f", the first at {place}" if place else ""
    return UserError(f"{what}: {bad:,} of {of:,} numbers are not finite{first}", field=field)
