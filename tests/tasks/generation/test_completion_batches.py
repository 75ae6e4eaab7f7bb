"""Batches: every row once in a pass, within the budget, and padding that changes nothing."""

from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.families.generation.rows.batches import batches_by_length, collate, pack, training_batches
from tasks.families.generation.rows.examples import Example
from tasks.families.generation.training.gradients import BatchGradients, learned_logits
from tasks.families.generation.training.training import completion_loss
from tests.tasks.generation.test_induction_heads import llama

LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 20)), min_size=1, max_size=60)


def examples_of(lengths: list[tuple[int, int]]) -> list[Example]:
    return [Example(list(range(3, 3 + prompt)), list(range(50, 50 + own))) for prompt, own in lengths]


@given(lengths=LENGTHS, budget=st.integers(1, 200), seed=st.integers(0, 5))
def test_a_pass_has_every_row_once_within_the_budget(lengths, budget: int, seed: int) -> None:
    examples = examples_of(lengths)
    seen: list[int] = []
    for batch in training_batches(examples, budget, seed):
        assert len(batch) == 1 or max(len(examples[row]) for row in batch) * len(batch) <= budget
        seen += batch
        if len(seen) >= len(examples):
            break
    assert sorted(seen) == list(range(len(examples)))
    assert sorted(row for batch in batches_by_length(examples, budget) for row in batch) == sorted(seen)


@given(lengths=LENGTHS, budget=st.integers(1, 200), seed=st.integers(0, 5))
def test_a_packed_pass_has_every_row_once_within_the_budget_of_their_own_tokens(
    lengths, budget: int, seed: int
) -> None:
    examples = examples_of(lengths)
    seen: list[int] = []
    for batch in training_batches(examples, budget, seed, packed=True):
        assert len(batch) == 1 or sum(len(examples[row]) for row in batch) <= budget
        seen += batch
        if len(seen) >= len(examples):
            break
    assert sorted(seen) == list(range(len(examples)))


@given(lengths=LENGTHS)
def test_packed_rows_are_whole_apart_and_in_fewer_sequences(lengths) -> None:
    examples = examples_of(lengths)
    batch = pack(examples, padding_id=0)
    longest = max(map(len, examples))
    assert batch.ids.shape[1] == longest
    assert batch.ids.shape[0] <= len(examples)
    assert batch.rows is not None
    assert batch.positions is not None
    for row, example in enumerate(examples):
        own = batch.rows == row
        assert batch.ids[own].tolist() == example.prompt + example.completion
        assert batch.positions[own].tolist() == list(range(len(example)))
        assert own.any(1).sum() == 1
        assert batch.targets[batch.rows[batch.learned] == row].tolist() == example.completion
    # First-fit decreasing leaves at most one sequence half empty.
    assert sum((batch.rows[sequence] >= 0).sum() * 2 <= longest for sequence in range(len(batch.ids))) <= 1


@pytest.mark.parametrize("packed", [False, True])
def test_the_order_depends_on_seed_and_pass_alone(packed: bool) -> None:
    examples = examples_of([(length % 7 + 1, 3) for length in range(40)])
    first, again, other = (list(islice(training_batches(examples, 60, seed, packed=packed), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[:10] != first[10:]


def test_only_completions_are_learned() -> None:
    batch = collate([Example([5, 6, 7], [8, 9]), Example([5], [6])], padding_id=0)
    assert batch.ids.tolist() == [[5, 6, 7, 8, 9], [5, 6, 0, 0, 0]]
    assert batch.targets.tolist() == [8, 9, 6]


def test_the_loss_is_that_of_each_row_alone() -> None:
    model = llama(2)
    rows = [Example([5, 6, 7, 2], [8, 9, 3]), Example([11, 2], [12, 3]), Example([4] * 9, [1])]
    together = collate(rows, 0)
    logits = learned_logits(model, together)
    alone = torch.cat([learned_logits(model, collate([row], 0)) for row in rows])
    torch.testing.assert_close(logits, alone, atol=1e-5, rtol=1e-4)
    labels = torch.tensor([[-100, -100, -100, -100, 8, 9, 3]])
    wanted = model(input_ids=torch.tensor([[5, 6, 7, 2, 8, 9, 3]]), labels=labels).loss
    first = collate(rows[:1], 0)
    assert float(completion_loss(learned_logits(model, first), first)) == pytest.approx(float(wanted), rel=1e-5)


def test_packed_rows_have_the_logits_and_the_gradients_of_each_row_alone() -> None:
    rows = [Example([5, 6, 7, 2], [8, 9, 3]), Example([11, 2], [12, 3]), Example([4] * 9, [1]), Example([6], [7, 8])]
    model = llama(2)
    together = pack(rows, 0)
    assert len(together.ids) == 3
    assert together.rows is not None
    members = together.rows[together.learned]
    logits = learned_logits(model, together)
    for row, example in enumerate(rows):
        own = collate([example], 0)
        torch.testing.assert_close(logits[members == row], learned_logits(model, own), atol=1e-5, rtol=1e-4)
    gradients = {}
    for packed in (False, True):
        gradients[packed] = BatchGradients(
            model, completion_loss, lambda work: [each() for each in work], packed=packed
        )
        value = gradients[packed].add(rows)
        gradients[packed] = (value, [parameter.grad.clone() for parameter in model.parameters()])
        model.zero_grad()
    assert gradients[True][0] == pytest.approx(gradients[False][0], rel=1e-5)
    torch.testing.assert_close(gradients[True][1], gradients[False][1], atol=1e-5, rtol=1e-3)
