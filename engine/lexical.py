"""The lexical path: a bag of word pieces and word-piece pairs with one hidden layer, in NumPy.

Every token and every known pair (of neighbours, and of tokens two apart, in their order) has a vector; their sum is brought
to unit root mean square, rectified and classified linearly (Joulin et al. 2017, "Bag of Tricks"; Iyyer et al. 2015, "Deep
Unordered Composition"). Vectors are int8 with one scale each. Training reads rows with the same `LexicalVocabulary`.

A request has a budget of 40 microseconds here, so that there are few NumPy calls: each costs more than its arithmetic.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BundleError

Floats = NDArray[np.float32]
EPSILON = 1e-5
_ARRAYS = ("vectors", "scales", "weights", "bias")


@dataclass(frozen=True)
class LexicalVocabulary:
    """Which pairs of tokens are known: `pairs` maps a pair's key to the number of its vector; `tokens`: number of ids."""

    pairs: Mapping[int, int]
    tokens: int

    @classmethod
    def of(cls, keys: Sequence[int], tokens: int) -> "LexicalVocabulary":
        """Pairs are numbered after the tokens, in the order of their keys."""
        return cls({key: tokens + number for number, key in enumerate(sorted(keys))}, tokens)

    def keys(self, ids: Sequence[int]) -> list[int]:
        """Keys of all pairs: neighbours first, then pairs with one token between."""
        tokens = self.tokens
        apart = tokens * tokens
        near = [first * tokens + second for first, second in itertools.pairwise(ids)]
        return near + [first * tokens + second + apart for first, second in zip(ids, ids[2:], strict=False)]

    def members(self, ids: Sequence[int]) -> tuple[list[int], float]:
        """Numbers of all vectors of a row, and its novelty: the share of its pairs that are not known (1 without pairs)."""
        keys = self.keys(ids)
        known = [number for key in keys if (number := self.pairs.get(key)) is not None]
        return [*ids, *known], 1 - len(known) / len(keys) if keys else 1.0


@dataclass(frozen=True)
class LexicalModel:
    """`vectors` (tokens + pairs, width) int8 with `scales` (tokens + pairs,); `weights` (width, labels); `bias` (labels,)."""

    vocabulary: LexicalVocabulary
    vectors: NDArray[np.int8]
    scales: Floats
    weights: Floats
    bias: Floats

    def answer(self, ids: Sequence[int]) -> tuple[Floats, float]:
        """Token ids → (labels,) logits, and the novelty of the row."""
        members, novelty = self.vocabulary.members(ids)
        rows = np.array(members, dtype=np.intp)
        hidden = self.scales.take(rows) @ self.vectors.take(rows, axis=0).astype(np.float32)
        scale = 1 / math.sqrt(float(hidden @ hidden) / len(hidden) + EPSILON)
        np.maximum(hidden, 0, out=hidden)
        logits = hidden @ self.weights
        logits *= np.float32(scale)
        logits += self.bias
        return logits, novelty

    def save(self, file: Path) -> None:
        """Write an .npz: int8 vectors, float16 weights."""
        arrays = {name: getattr(self, name) for name in _ARRAYS} | {"weights": self.weights.astype(np.float16)}
        keys = np.array(list(self.vocabulary.pairs), dtype=np.int64)
        np.savez_compressed(file, allow_pickle=False, pairs=keys, **arrays)

    @classmethod
    def load(cls, file: Path) -> "LexicalModel":
        """Read what `save` wrote; BundleError when it cannot be read."""
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in _ARRAYS}
                keys = stored["pairs"].tolist()
            vocabulary = LexicalVocabulary.of(keys, len(arrays["vectors"]) - len(keys))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{file}: not a lexical model ({error})") from error
        return cls(vocabulary, **{**arrays, "weights": arrays["weights"].astype(np.float32)})
