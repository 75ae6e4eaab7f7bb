"""Muon's update and which parameters get it."""

import pytest
import torch

from tasks.families.generation.training.muon import Muon, orthogonal
from tasks.families.generation.training.optimizers import optimizers_of
from tests.tasks.generation.test_induction_heads import llama


@pytest.mark.parametrize("shape", [(5, 16, 16), (3, 8, 40), (3, 40, 8)])
def test_the_singular_values_become_one_or_so(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert float(values.min()) > 0.4
    assert float(values.max()) < 1.3


def test_a_gradient_of_nothing_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(1, 4, 4)), torch.zeros(1, 4, 4))


@pytest.mark.parametrize("axis", [0, 1])
def test_blocks_are_made_orthogonal_on_their_own(axis: int) -> None:
    torch.manual_seed(0)
    gradient = torch.randn(12, 12)
    whole = torch.nn.Parameter(torch.zeros(12, 12))
    parts = [torch.nn.Parameter(torch.zeros(part.shape)) for part in gradient.split(4, axis)]
    whole.grad = gradient
    for part, own in zip(parts, gradient.split(4, axis), strict=True):
        part.grad = own.clone()
    Muon([{"params": [whole], "axis": axis, "block": 4}], lr=0.1).step()
    Muon([{"params": parts}], lr=0.1).step()
    torch.testing.assert_close(whole.data, torch.cat([part.data for part in parts], axis))


def test_the_update_has_the_size_of_adamws() -> None:
    torch.manual_seed(0)
    matrix = torch.nn.Parameter(torch.zeros(64, 64))
    matrix.grad = torch.randn(64, 64) * 1e-3
    Muon([{"params": [matrix]}], lr=0.01).step()
    assert float(matrix.detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.3)


def test_it_finds_a_least_squares_solution() -> None:
    torch.manual_seed(0)
    inputs, goal = torch.randn(256, 12), torch.randn(12, 12) * 0.3
    matrix = torch.nn.Parameter(torch.zeros(12, 12))
    optimizer = Muon([{"params": [matrix]}], lr=0.1, weight_decay=0.0)
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimizer.zero_grad()
        (inputs @ matrix - inputs @ goal).square().mean().backward()
        optimizer.step()
    assert float((matrix - goal).detach().abs().max()) < 0.02


def test_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="matrices only"):
        Muon([{"params": [torch.nn.Parameter(torch.zeros(3))]}], lr=0.1)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_every_parameter_has_one_optimizer(name: str) -> None:
    model = llama(2)
    found = optimizers_of(model, name, learning_rate=1e-3, embedding_rate=1e-3, weight_decay=0.1)
    taken = [id(parameter) for optimizer in found for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(taken) == sorted(id(parameter) for parameter in model.parameters())
