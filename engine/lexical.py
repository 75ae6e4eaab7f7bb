"""The lexical path: a linear model over word-piece unigrams and bigrams, in NumPy.

Features are the unigrams and the known bigrams of the token ids, special tokens included, so that the first and the
last word are told apart. Every occurrence counts, scaled by 1/sqrt(features). Training uses the same `features`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BundleError
from engine.tokenization import Ids

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LexicalVocabulary:
    """Which unigrams and bigrams are features.

    `unigrams`: (vocabulary,) feature of each token id, or -1. `bigrams`: sorted keys `first * vocabulary + second`;
    `bigram_features`: the feature of each.
    """

    unigrams: NDArray[np.int32]
    bigrams: NDArray[np.int64]
    bigram_features: NDArray[np.int32]

    def features(self, ids: Ids) -> NDArray[np.int32]:
        """Feature numbers of (tokens,) ids; a feature that occurs twice is there twice."""
        singles = self.unigrams[ids]
        pairs = ids[:-1] * len(self.unigrams) + ids[1:]
        places = np.searchsorted(self.bigrams, pairs)
        places[places == len(self.bigrams)] = 0
        known = self.bigrams[places] == pairs if len(self.bigrams) else np.zeros(len(pairs), dtype=bool)
        return np.concatenate((singles[singles >= 0], self.bigram_features[places[known]]))


@dataclass(frozen=True)
class LexicalModel:
    """`weights`: (features, labels); `bias`: (labels,)."""

    vocabulary: LexicalVocabulary
    weights: Floats
    bias: Floats

    def logits(self, ids: Ids) -> Floats:
        """(tokens,) ids → (labels,) logits."""
        features = self.vocabulary.features(ids)
        if not len(features):
            return self.bias
        return self.weights[features].sum(axis=0) * np.float32(1 / np.sqrt(len(features))) + self.bias

    def save(self, file: Path) -> None:
        """Write an .npz with float16 weights."""
        np.savez_compressed(
            file,
            unigrams=self.vocabulary.unigrams,
            bigrams=self.vocabulary.bigrams,
            bigram_features=self.vocabulary.bigram_features,
            weights=self.weights.astype(np.float16),
            bias=self.bias,
        )

    @classmethod
    def load(cls, file: Path) -> "LexicalModel":
        """Read what `save` wrote; BundleError when it cannot be read."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                vocabulary = LexicalVocabulary(arrays["unigrams"], arrays["bigrams"], arrays["bigram_features"])
                return cls(vocabulary, arrays["weights"].astype(np.float32), arrays["bias"])
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{file}: not a lexical model ({error})") from error
