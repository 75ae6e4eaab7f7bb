"""Keeps texts apart that are nearly the same: exact set-similarity search with a prefix filter.

Two sets with a Jaccard similarity of at least t differ in size by a factor of 1 / t at most, and share at least l
elements among the first |A| - ceil(t |A|) + l of each, in any fixed order of elements (Chaudhuri, Ganti and Kaushik
2006 for l = 1; Wang, Li and Feng 2012 for more). With the rarest elements first, few candidates have to be compared.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Final

_GRAM: Final = 3
_SHARED: Final = 8  # l: a longer prefix to index, fewer candidates to compare


def normalised(text: str) -> str:
    """Lower case, words and numbers alone; all digits count as the same one."""
    return " ".join(re.findall(r"[a-z0]+", re.sub(r"\d", "0", text.lower().replace("'", ""))))


class DistinctTexts:
    """A growing collection in which no text is similar to one that was added before it.

    `similarity`: the Jaccard similarity of sets of character 3-grams of normalised texts that is too much.
    `sample`: some texts of the kind that will come, from which the rarity of 3-grams is taken (it decides speed alone).
    """

    def __init__(self, similarity: float, sample: Iterable[str]) -> None:
        """An empty collection."""
        self._similarity = similarity
        self._frequency = Counter(gram for text in sample for gram in _grams(text))
        self._sets: list[frozenset[str]] = []
        self._index: defaultdict[tuple[int, str], list[int]] = defaultdict(list)

    def add(self, *texts: str) -> bool:
        """Adds `texts`, which may resemble one another, and returns True.

        If one of them is too similar to an earlier text, adds none of them and returns False.
        """
        sets = [_grams(text) for text in texts]
        prefixes = [self._prefix(grams) for grams in sets]
        if any(self._is_known(grams, prefix) for grams, prefix in zip(sets, prefixes, strict=True)):
            return False
        for grams, prefix in zip(sets, prefixes, strict=True):
            size_class = self._size_class(grams)
            for gram in prefix:
                self._index[size_class, gram].append(len(self._sets))
            self._sets.append(grams)
        return True

    def _is_known(self, grams: frozenset[str], prefix: list[str]) -> bool:
        middle = self._size_class(grams)
        lists = (self._index.get((near, gram), ()) for near in (middle - 1, middle, middle + 1) for gram in prefix)
        shared = Counter(chain.from_iterable(lists))
        needed = min(_SHARED, self._least_overlap(grams))
        candidates = (row for row, count in shared.items() if count >= needed)
        return any(_jaccard(grams, self._sets[row]) >= self._similarity for row in candidates)

    def _size_class(self, grams: frozenset[str]) -> int:
        """Sizes that differ by a factor of 1 / similarity at most are in the same class or in neighbouring ones."""
        # 1 % wider than needed, so that rounding of the logarithm cannot push a size into the class after next.
        return int(math.log(max(1, len(grams))) / -math.log(self._similarity / 1.01))

    def _least_overlap(self, grams: frozenset[str]) -> int:
        """How many elements any similar set shares with `grams`, at least."""
        return math.ceil(self._similarity * len(grams) - 1e-9)  # 0.7 * 10 is a little more than 7

    def _prefix(self, grams: frozenset[str]) -> list[str]:
        order = sorted(grams, key=lambda gram: (self._frequency[gram], gram))
        return order[: len(order) - self._least_overlap(grams) + _SHARED]


def _grams(text: str) -> frozenset[str]:
    padded = f" {normalised(text)} "
    return frozenset(padded[place : place + _GRAM] for place in range(len(padded) - _GRAM + 1))


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
