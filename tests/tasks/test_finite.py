"""Numbers that are not finite end where they are made, and the error says which they are."""

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.finite import finite, require_finite_loss, require_finite_tensors


def test_finite_values_pass_as_they_are() -> None:
    values = np.arange(4.0)
    assert finite("logits", values) is values


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_place_is_named(bad: float) -> None:
    values = np.zeros((3, 2))
    values[1, 1] = bad
    with pytest.raises(UserError, match=r"base_model: logits: 1 of 6 numbers are not finite, the first at \[1, 1\]"):
        finite("logits", values, field="base_model")


def test_a_tensor_is_named() -> None:
    import torch

    tensors = {"whole": torch.arange(3), "good": torch.ones(2), "bad": torch.tensor([1.0, float("nan")])}
    with pytest.raises(UserError, match="the weights, bad: 1 of 2 numbers are not finite"):
        require_finite_tensors("the weights", tensors.items())
    require_finite_tensors("the weights", list(tensors.items())[:2])


def test_a_loss_that_is_not_finite_names_step_and_learning_rate() -> None:
    assert require_finite_loss(0.5, step=1, learning_rate=0.1, field="fine_tune.learning_rate") == 0.5
    with pytest.raises(UserError, match=r"fine_tune\.learning_rate: .*nan at step 1,200 with a learning rate of 0\.5"):
        require_finite_loss(float("nan"), step=1200, learning_rate=0.5, field="fine_tune.learning_rate")
