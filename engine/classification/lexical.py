"""The lexical path: a bag of word pieces and word-piece pairs with one hidden layer.

Every token and every known pair (of neighbours, and of tokens two apart, in their order) has a vector; their sum is brought
to unit root mean square, rectified and classified linearly (Joulin et al. 2017, "Bag of Tricks"; Iyyer et al. 2015, "Deep
Unordered Composition"). Vectors are int8 with one scale each. Training reads rows with the same `LexicalVocabulary`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled
from engine.errors import BundleError

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
EPSILON = 1e-5
_ARRAYS = ("vectors", "scales", "weights", "bias")
_NO_KEY = -1


@dataclass(frozen=True)
class LexicalVocabulary:
    """`tokens`: number of ids; `pairs` (pairs,): keys of the known pairs, ascending, numbered in that order after the tokens.

    `slots`: a hash table of the keys (linear probing, at most half full), and `numbers` the number of the key in each slot.
    """

    tokens: int
    pairs: Ids
    slots: Ids = field(init=False)
    numbers: Ids = field(init=False)

    def __post_init__(self) -> None:
        """Build the table."""
        size = 1 << max(4, int(2 * len(self.pairs)).bit_length())
        slots, numbers = np.full(size, _NO_KEY, np.int64), np.zeros(size, np.int64)
        _fill(self.pairs, self.tokens, slots, numbers)
        object.__setattr__(self, "slots", slots)
        object.__setattr__(self, "numbers", numbers)

    @classmethod
    def of(cls, keys: Iterable[int], tokens: int) -> "LexicalVocabulary":
        """From keys in any order."""
        return cls(tokens, np.array(sorted(keys), dtype=np.int64))

    def keys(self, ids: Ids) -> Ids:
        """(tokens,) ids → keys of all pairs: neighbours first, then pairs with one token between."""
        return _pair_keys(ids, self.tokens)

    def members(self, ids: Ids) -> tuple[Ids, float]:
        """Numbers of all vectors of a row, and its novelty: the share of its pairs that are not known (1 without pairs)."""
        return _members(ids, self.tokens, self.slots, self.numbers)


@dataclass(frozen=True)
class LexicalModel:
    """`vectors` (tokens + pairs, width) int8 with `scales` (tokens + pairs,); `weights` (width, labels); `bias` (labels,)."""

    vocabulary: LexicalVocabulary
    vectors: NDArray[np.int8]
    scales: Floats
    weights: Floats
    bias: Floats

    def answer(self, ids: Ids) -> tuple[Floats, float]:
        """(tokens,) int64 ids → (labels,) logits, and the novelty of the row. Ids that are no token's count for nothing."""
        known = self.vocabulary
        return _answer(
            ids, known.tokens, known.slots, known.numbers, self.vectors, self.scales, self.weights, self.bias
        )

    def save(self, file: Path) -> None:
        """Write an .npz: int8 vectors, float16 weights."""
        arrays = {name: getattr(self, name) for name in _ARRAYS} | {"weights": self.weights.astype(np.float16)}
        np.savez_compressed(file, allow_pickle=False, pairs=self.vocabulary.pairs, **arrays)

    @classmethod
    def load(cls, file: Path) -> "LexicalModel":
        """Read what `save` wrote; BundleError when it cannot be read or its arrays do not fit together."""
        try:
            with np.load(file, allow_pickle=False) as stored:
                vectors, scales, weights, bias = (stored[name] for name in _ARRAYS)
                pairs = stored["pairs"]
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{file}: not a lexical model ({error})") from error
        tokens = len(vectors) - len(pairs)
        shapes = (vectors.shape[1:], scales.shape, weights.shape)
        if tokens < 1 or shapes != (weights.shape[:1], vectors.shape[:1], (weights.shape[0], len(bias))):
            raise BundleError(f"{file}: not a lexical model (its arrays do not fit together)")
        return cls(LexicalVocabulary(tokens, pairs), vectors, scales, weights.astype(np.float32), bias)


@compiled
def _slot(key: int, slots: Ids) -> int:
    """The slot that holds the key, or the free one where it belongs."""
    mixed = (np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
    place = np.int64(mixed) & (len(slots) - 1)
    while slots[place] not in (key, _NO_KEY):
        place = (place + 1) & (len(slots) - 1)
    return int(place)


@compiled
def _fill(pairs: Ids, tokens: int, slots: Ids, numbers: Ids) -> None:
    for number in range(len(pairs)):
        place = _slot(pairs[number], slots)
        slots[place] = pairs[number]
        numbers[place] = tokens + number


@compiled
def _pair_keys(ids: Ids, tokens: int) -> Ids:
    near, apart = max(len(ids) - 1, 0), max(len(ids) - 2, 0)
    keys = np.empty(near + apart, np.int64)
    for i in range(near):
        keys[i] = ids[i] * tokens + ids[i + 1]
    for i in range(apart):
        keys[near + i] = (ids[i] + tokens) * tokens + ids[i + 2]
    return keys


@compiled
def _members(ids: Ids, tokens: int, slots: Ids, numbers: Ids) -> tuple[Ids, float]:
    keys = _pair_keys(ids, tokens)
    members = np.empty(len(ids) + len(keys), np.int64)
    count = 0
    for token in ids:
        if 0 <= token < tokens:
            members[count] = token
            count += 1
    singles = count
    for key in keys:
        place = _slot(key, slots)
        if slots[place] == key:
            members[count] = numbers[place]
            count += 1
    return members[:count], 1.0 - (count - singles) / len(keys) if len(keys) else 1.0


@compiled
def _answer(
    ids: Ids,
    tokens: int,
    slots: Ids,
    numbers: Ids,
    vectors: NDArray[np.int8],
    scales: Floats,
    weights: Floats,
    bias: Floats,
) -> tuple[Floats, float]:
    members, novelty = _members(ids, tokens, slots, numbers)
    width = vectors.shape[1]
    hidden = np.zeros(width, np.float32)
    for member in members:
        for i in range(width):
            hidden[i] += scales[member] * np.float32(vectors[member, i])
    square = np.float32(0)
    for i in range(width):
        square += hidden[i] * hidden[i]
    scale = np.float32(1) / np.sqrt(square / np.float32(width) + np.float32(EPSILON))
    logits = bias.copy()
    for i in range(width):
        active = hidden[i] * scale
        if active > 0:
            for label in range(len(logits)):
                logits[label] += active * weights[i, label]
    return logits, novelty
