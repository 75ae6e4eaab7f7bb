"""Batches of whole rows of about one length, as many as a budget of tokens holds.

Rows of one length need hardly any padding (about 3 % is left on the function calls), and a row padded at its end needs no
attention mask under a causal model. So this costs no more than packing rows into one long sequence, and no row sees another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from tasks.generation.examples import Example

_POOL: Final = 2048  # rows sorted by length at a time: the smaller, the more random a batch


@dataclass(frozen=True)
class Batch:
    """`ids` (rows, tokens), right-padded; `learned` (rows, tokens): positions whose next token belongs to the completion."""

    ids: Tensor
    learned: Tensor

    @property
    def targets(self) -> Tensor:
        """The next token at every learned position, row by row."""
        return torch.roll(self.ids, -1, 1)[self.learned]

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(self.ids.to(device), self.learned.to(device))


def collate(examples: Sequence[Example], padding_id: int) -> Batch:
    """One batch."""
    longest = max(map(len, examples))
    ids = torch.full((len(examples), longest), padding_id, dtype=torch.long)
    learned = torch.zeros((len(examples), longest), dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = torch.tensor(example.prompt + example.completion)
        learned[row, len(example.prompt) - 1 : len(example) - 1] = True
    return Batch(ids, learned)


def training_batches(examples: Sequence[Example], tokens: int, seed: int) -> Iterator[list[int]]:
    """Indices of the rows of each batch, pass after pass without end; the same for the same seed.

    A batch has at most `tokens` tokens with its padding, or one row that is longer.
    """
    lengths = np.array([len(example) for example in examples])
    number = 0
    while True:
        yield from _one_pass(lengths, tokens, np.random.default_rng([seed, number]))
        number += 1


def batches_by_length(examples: Sequence[Example], tokens: int) -> list[list[int]]:
    """Indices of the rows of each batch, every row once, for measuring."""
    lengths = np.array([len(example) for example in examples])
    return _within_budget(np.argsort(lengths, kind="stable"), lengths, tokens)


def _one_pass(lengths: np.ndarray, tokens: int, chance: np.random.Generator) -> Iterator[list[int]]:
    order = chance.permutation(len(lengths))
    for start in range(0, len(order), _POOL):
        pool = order[start : start + _POOL]
        batches = _within_budget(pool[np.argsort(lengths[pool], kind="stable")], lengths, tokens)
        for place in chance.permutation(len(batches)):
            yield batches[place]


def _within_budget(order: np.ndarray, lengths: np.ndarray, tokens: int) -> list[list[int]]:
    """`order` is by length, so the row that is added is the longest."""
    batches: list[list[int]] = []
    batch: list[int] = []
    for row in order.tolist():
        if batch and int(lengths[row]) * (len(batch) + 1) > tokens:
            batches.append(batch)
            batch = []
        batch.append(row)
    return [*batches, batch]
