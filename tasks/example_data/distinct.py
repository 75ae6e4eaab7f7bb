"""Keeps the texts of a label apart: no two of them are the same but for a name, a number or a slip of the finger.

Texts of different labels may be as near as they like: they are the contrasts that a model has to learn.
"""

import re
from collections import defaultdict
from typing import Final

_GRAM: Final = 3


def normalised(text: str) -> str:
    """Lower case, words and numbers alone; all digits count as the same one."""
    return " ".join(re.findall(r"[a-z0]+", re.sub(r"\d", "0", text.lower().replace("'", ""))))


class DistinctTexts:
    """A growing collection in which no two texts of a label are similar, and no two texts at all are the same.

    Similar means that the sets of character 3-grams of the normalised texts have a Jaccard similarity of at least
    `similarity`.
    """

    def __init__(self, similarity: float) -> None:
        """An empty collection."""
        self._similarity = similarity
        self._texts: set[str] = set()
        self._bits: dict[str, int] = {}
        self._grams: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, text: str, label: str) -> bool:
        """Adds `text` and returns True, or returns False because it is too near to one that is there."""
        if self.has_similar(text, label):
            return False
        same = normalised(text)
        self._texts.add(same)
        self._grams[label].append(self._gram_set(same))
        return True

    def has_similar(self, text: str, label: str) -> bool:
        """Whether `text` is too near to one that is there."""
        same = normalised(text)
        if same in self._texts:
            return True
        grams = self._gram_set(same)
        return any(self._is_similar(grams, other) for other in self._grams[label])

    def _gram_set(self, text: str) -> int:
        """A set of 3-grams as an integer with a bit for each: several times as fast to compare as a frozenset."""
        grams = {text[place : place + _GRAM] for place in range(max(1, len(text) - _GRAM + 1))}
        return sum(1 << self._bits.setdefault(gram, len(self._bits)) for gram in grams)

    def _is_similar(self, first: int, second: int) -> bool:
        return (first & second).bit_count() >= self._similarity * (first | second).bit_count()
