"""Gradients of a batch in parts are those of the whole batch, and the same every time."""

import threading

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tasks.families.generation.rows.batches import collate
from tasks.families.generation.rows.examples import Example
from tasks.families.generation.training.gradients import BatchGradients, learned_logits, parts_of
from tasks.families.generation.training.torch_threads import torch_threads
from tasks.families.generation.training.training import completion_loss

ROWS = [Example([3, 4, 5], [6, 7, 1]), Example([9], [10, 1]), Example([3, 3, 3, 3, 8], [11, 12, 13, 14, 15, 1])]


def model(*, tied: bool = True) -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=32,
            tie_word_embeddings=tied,
            pad_token_id=0,
        )
    )


def gradients(trained: PreTrainedModel, rows: list[Example]) -> tuple[float, list[torch.Tensor]]:
    with torch_threads(parts_of(trained)) as run_all:
        value = BatchGradients(trained, completion_loss, run_all).add(rows)
    return value, [parameter.grad for parameter in trained.parameters()]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_add_up_to_the_gradients_of_the_whole_batch(count: int, tied: bool) -> None:
    rows = ROWS[:count]
    whole = model(tied=tied)
    batch = collate(rows, 0)
    loss = completion_loss(learned_logits(whole, batch), batch)
    loss.backward()
    value, found = gradients(model(tied=tied), rows)
    assert value == pytest.approx(loss.item(), rel=1e-6)
    for own, wanted in zip(found, whole.parameters(), strict=True):
        torch.testing.assert_close(own, wanted.grad, rtol=1e-4, atol=1e-6)


def test_the_same_batch_gives_the_same_bits_every_time() -> None:
    first, again = gradients(model(), ROWS)[1], gradients(model(), ROWS)[1]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_step_of_the_optimizer_reaches_every_part() -> None:
    trained = model()
    with torch_threads(2) as run_all:
        parts = BatchGradients(trained, completion_loss, run_all)
        before = parts.add(ROWS)
        torch.optim.SGD(trained.parameters(), lr=0.05).step()
        trained.zero_grad()
        after = parts.add(ROWS)
    assert after < before
    batch = collate(ROWS, 0)
    assert after == pytest.approx(completion_loss(learned_logits(trained, batch), batch).item(), rel=1e-6)


def test_what_is_not_trained_has_no_gradient() -> None:
    trained = model()
    trained.model.layers[0].requires_grad_(False)
    gradients(trained, ROWS)
    assert trained.model.layers[0].mlp.up_proj.weight.grad is None
    assert trained.model.layers[1].mlp.up_proj.weight.grad is not None


def test_pieces_of_work_run_at_the_same_time_and_torch_gets_its_threads_back() -> None:
    before, barrier = torch.get_num_threads(), threading.Barrier(2, timeout=30)

    def work() -> int:
        barrier.wait()  # breaks where the pieces run one after the other
        return torch.get_num_threads()

    with torch_threads(2) as run_all:
        inside = run_all([work, work])
    assert inside[0] == inside[1] <= before
    assert torch.get_num_threads() == before


def test_an_error_in_one_piece_reaches_the_caller_and_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), torch_threads(2) as run_all:
        run_all([lambda: None, fail])
    assert torch.get_num_threads() == before
