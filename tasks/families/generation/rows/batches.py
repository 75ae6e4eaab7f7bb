"""Batches of whole rows, as many as a budget of tokens holds: rows of about one length, or any rows, packed.

Rows of one length need hardly any padding (about 3 % is left on the function calls), and a row padded at its end needs no
attention mask under a causal model; but each batch is then of one kind of row. Packed ones are drawn at random, and short
rows share a sequence with others, none of which sees another. A sequence is as long as the longest row, and first-fit
decreasing (Johnson, 1973) leaves little of it empty; but short rows then pay for attention over that length, so a token took
1.1 to 1.4 times as long as in rows of one length (four layers of width 128, two cores, rows of 4 to 500 tokens).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from tasks.families.generation.rows.examples import Example

_POOL: Final = 2048  # rows sorted by length at a time: the smaller, the more random a batch


@dataclass(frozen=True)
class Batch:
    """`ids` (sequences, tokens), right-padded; `learned`, likewise: positions whose next token belongs to a completion.

    Of packed sequences, `positions` (sequences, tokens) counts each row from 0, and `rows` (sequences, tokens) says which
    one a token belongs to. Both are None where every sequence is one row.
    """

    ids: Tensor
    learned: Tensor
    positions: Tensor | None = None
    rows: Tensor | None = None

    @property
    def targets(self) -> Tensor:
        """The next token at every learned position, sequence by sequence."""
        return torch.roll(self.ids, -1, 1)[self.learned]

    def attention_mask(self, dtype: torch.dtype) -> Tensor | None:
        """What is added to scores of attention, (sequences, 1, tokens, tokens): a row sees itself up to each token.

        None where causal attention needs none, since every sequence is one row that is padded at its end.
        """
        if self.rows is None:
            return None
        seen = torch.tril(self.rows[:, :, None] == self.rows[:, None, :])
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, torch.finfo(dtype).min)[
            :, None
        ]

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        extra = (None if value is None else value.to(device) for value in (self.positions, self.rows))
        return Batch(self.ids.to(device), self.learned.to(device), *extra)


def collate(examples: Sequence[Example], padding_id: int) -> Batch:
    """One batch."""
    longest = max(map(len, examples))
    ids = torch.full((len(examples), longest), padding_id, dtype=torch.long)
    learned = torch.zeros((len(examples), longest), dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = torch.tensor(example.prompt + example.completion)
        learned[row, len(example.prompt) - 1 : len(example) - 1] = True
    return Batch(ids, learned)


def pack(examples: Sequence[Example], padding_id: int) -> Batch:
    """One batch of as few sequences as first-fit decreasing finds, each as long as the longest row."""
    sequences = _packed([len(example) for example in examples])
    shape = (len(sequences), max(map(len, examples)))
    ids = torch.full(shape, padding_id, dtype=torch.long)
    learned = torch.zeros(shape, dtype=torch.bool)
    positions = torch.zeros(shape, dtype=torch.long)
    rows = torch.full(shape, -1, dtype=torch.long)  # what is empty sees itself alone: a row of no scores would be NaN
    for sequence, members in enumerate(sequences):
        start = 0
        for row in members:
            example = examples[row]
            end = start + len(example)
            ids[sequence, start:end] = torch.tensor(example.prompt + example.completion)
            learned[sequence, start + len(example.prompt) - 1 : end - 1] = True
            positions[sequence, start:end] = torch.arange(len(example))
            rows[sequence, start:end] = row
            start = end
    return Batch(ids, learned, positions, rows)


def training_batches(
    examples: Sequence[Example], tokens: int, seed: int, *, packed: bool = False
) -> Iterator[list[int]]:
    """Indices of the rows of each batch, pass after pass without end; the same for the same seed.

    A batch has at most `tokens` tokens with its padding, or one row that is longer; `packed`: of rows in any order, with
    at most `tokens` of their own.
    """
    lengths = np.array([len(example) for example in examples])
    one_pass = _one_packed_pass if packed else _one_pass
    number = 0
    while True:
        yield from one_pass(lengths, tokens, np.random.default_rng([seed, number]))
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


def _one_packed_pass(lengths: np.ndarray, tokens: int, chance: np.random.Generator) -> Iterator[list[int]]:
    batch: list[int] = []
    left = tokens
    for row in chance.permutation(len(lengths)).tolist():
        if batch and lengths[row] > left:
            yield batch
            batch, left = [], tokens
        batch.append(row)
        left -= int(lengths[row])
    yield batch


def _packed(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of the rows of each sequence: the longest rows first, each where it fits first."""
    capacity = max(lengths)
    sequences: list[list[int]] = []
    room: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        fitting = next((number for number, free in enumerate(room) if free >= lengths[row]), None)
        if fitting is None:
            sequences.append([row])
            room.append(capacity - lengths[row])
        else:
            sequences[fitting].append(row)
            room[fitting] -= lengths[row]
    return sequences


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
