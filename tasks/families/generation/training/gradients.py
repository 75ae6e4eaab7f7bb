"""Gradients of one batch by replicas that share the model's weights, each on its part of the rows and in its own thread.

How many parts there are does not depend on the machine, so neither does the result.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Final

from torch import Tensor
from transformers import PreTrainedModel

from tasks.families.generation.rows.batches import Batch, collate, pack
from tasks.families.generation.rows.examples import Example
from tasks.families.generation.training.torch_threads import RunAll

Loss = Callable[[Tensor, Batch], Tensor]
"""From the logits at the learned positions (positions, vocabulary) and the batch, to their mean loss, a scalar."""
_PARTS: Final = 2


def parts_of(model: PreTrainedModel) -> int:
    """Into how many parts a batch is divided: an accelerator takes it whole."""
    return _PARTS if model.device.type == "cpu" else 1


class BatchGradients:
    """`run_all`: of as many threads as `parts_of` gives. `packed`: rows share sequences."""

    def __init__(self, model: PreTrainedModel, loss: Loss, run_all: RunAll, *, packed: bool = False) -> None:
        self._loss, self._padding_id, self._run_all = loss, model.config.pad_token_id or 0, run_all
        self._batch_of = pack if packed else collate
        self._replicas = [model, *(_replica(model) for _ in range(parts_of(model) - 1))]
        self._trained = [[value for value in each.parameters() if value.requires_grad] for each in self._replicas]

    def add(self, rows: Sequence[Example]) -> float:
        """Adds the gradients of the rows' mean loss over their learned tokens to the model's; returns that loss."""
        parts = [rows[number :: len(self._replicas)] for number in range(min(len(rows), len(self._replicas)))]
        learned = sum(len(row.completion) for row in rows)
        values = self._run_all(
            [
                lambda replica=replica, part=part: self._part(replica, part, learned)  # type: ignore[misc]
                for replica, part in zip(self._replicas, parts, strict=False)
            ]
        )
        for replica in self._trained[1:]:
            for parameter, other in zip(self._trained[0], replica, strict=True):
                if other.grad is not None:
                    parameter.grad = other.grad if parameter.grad is None else parameter.grad.add_(other.grad)
                    other.grad = None
        return float(sum(values))

    def _part(self, replica: PreTrainedModel, rows: Sequence[Example], learned: int) -> float:
        batch = self._batch_of(rows, self._padding_id).to(replica.device)
        share = sum(len(row.completion) for row in rows) / learned
        value = self._loss(learned_logits(replica, batch), batch) * share
        value.backward()
        return value.item()


def learned_logits(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Logits at the learned positions only, sequence by sequence: (positions, vocabulary)."""
    hidden = model.get_decoder()(
        input_ids=batch.ids,
        attention_mask=batch.attention_mask(model.dtype),
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    return model.get_output_embeddings()(hidden[batch.learned])


def _replica(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights in another module, with gradients of its own."""
    replica = copy.deepcopy(model)
    for own, shared in zip(replica.parameters(), model.parameters(), strict=True):
        own.data = shared.data
    return replica
