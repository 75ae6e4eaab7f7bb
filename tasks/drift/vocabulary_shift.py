"""Has the vocabulary changed? Shares of unknown words, and the Jensen-Shannon divergence of unigrams (Lin 1991).

The permutation moves whole rows: words of one row are not independent, and moving them one by one would call every
sample different.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import xlogy

from tasks.drift.records import VocabularyShift
from tasks.statistics.permutation import partitions, permutation_p_value

# Scripts without spaces between words (Han, kana, Hangul) are read by character, as word-piece tokenizers read them.
_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_MOST_ELEMENTS: Final = 2_000_000


def words(text: str) -> list[str]:
    """The words of a text, case folded, without punctuation."""
    return _WORD.findall(text.casefold())


@dataclass(frozen=True)
class UnknownWords:
    """Shares of words that no training row has: of the fresh rows, and of the gate rows for comparison."""

    fresh: float
    gate: float

    @classmethod
    def of(cls, train: Sequence[str], gate: Sequence[str], fresh: Sequence[str]) -> "UnknownWords":
        """From the texts of all rows of each."""
        known = frozenset(chain.from_iterable(words(text) for text in train))
        return cls(fresh=unknown_share(fresh, known), gate=unknown_share(gate, known))


def unknown_share(texts: Sequence[str], known: frozenset[str]) -> float:
    """Share of the words of `texts` that are not among `known`; 0 where there are no words."""
    found = list(chain.from_iterable(words(text) for text in texts))
    return sum(word not in known for word in found) / len(found) if found else 0.0


def vocabulary_shift(
    old: Sequence[str], new: Sequence[str], unknown: UnknownWords, *, permutations: int, seed: int
) -> VocabularyShift:
    """Compare the words of two samples of texts. Raises ValueError where one of them is empty."""
    drawn = partitions(len(old), len(new), permutations, np.random.default_rng(seed))
    statistics = _divergences(_count([*old, *new]), drawn)
    return VocabularyShift(
        unknown_words=unknown.fresh,
        gate_unknown_words=unknown.gate,
        old_rows=len(old),
        new_rows=len(new),
        divergence=float(statistics[0]),
        p_value=permutation_p_value(statistics),
    )


def _count(texts: Sequence[str]) -> csr_array:
    """(rows, words) how often each word occurs in each row."""
    numbers: dict[str, int] = {}
    row_numbers, columns = [], []
    for row, text in enumerate(texts):
        for word in words(text):
            row_numbers.append(row)
            columns.append(numbers.setdefault(word, len(numbers)))
    ones = np.ones(len(columns))
    return csr_array((ones, (row_numbers, columns)), shape=(len(texts), max(len(numbers), 1)))


def _divergences(counts: csr_array, drawn: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(partitions,) Jensen-Shannon divergence in bits of the words of the two parts; 0 where a part has no words."""
    totals = np.asarray(counts.sum(axis=0)).ravel()
    chunk = max(1, _MOST_ELEMENTS // counts.shape[1])
    parts = []
    for start in range(0, len(drawn), chunk):
        first = np.asarray((counts.T @ drawn[start : start + chunk].T.astype(np.float64)).T)
        parts.append(_jensen_shannon(_shares(first), _shares(totals - first)))
    return np.concatenate(parts)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)


def _jensen_shannon(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(count, words) shares, twice → (count,) bits; 0 where one of the two is empty."""
    middle = (first + second) / 2
    safe = np.where(middle > 0, middle, 1.0)
    bits = (xlogy(first, first / safe) + xlogy(second, second / safe)).sum(axis=1) / (2 * np.log(2))
    return np.where((first.sum(axis=1) > 0) & (second.sum(axis=1) > 0), np.maximum(bits, 0.0), 0.0)
