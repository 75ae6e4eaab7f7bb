"""More rows for the lexical path to learn from the reference path: made of the train rows, labelled by its soft labels.

A new row is the beginning of one row and the end of another (in turn: a row with a fifth of its tokens exchanged for tokens
of other rows). Most are no sentence and have no gold label; what the reference path says of them is what is wanted
(distillation on perturbed inputs: Tang et al. 2019; Jiao et al. 2020, "TinyBERT").
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

EXCHANGED_SHARE: Final = 0.2
Ids = NDArray[np.int64]


def augmented(rows: Sequence[Ids], times: int, max_length: int, seed: int) -> list[Ids]:
    """`times` new rows per row of (tokens,) ids, at most `max_length` long; the first and the last token stay in place."""
    chance = np.random.default_rng(seed)
    inner = [row[1:-1] for row in rows]
    tokens = np.concatenate(inner) if inner else np.zeros(0, np.int64)
    made = []
    for turn in range(times):
        for row, own in zip(rows, inner, strict=True):
            if turn % 2 and len(tokens):
                new = np.where(chance.random(len(own)) < EXCHANGED_SHARE, chance.choice(tokens, len(own)), own)
            else:
                other = inner[chance.integers(len(inner))]
                new = np.concatenate([own[: chance.integers(len(own) + 1)], other[chance.integers(len(other) + 1) :]])
            made.append(np.concatenate([row[:1], new[: max(max_length - 2, 0)], row[-1:]]))
    return made
