"""Exact join on edit similarity: which texts are, but for a few edits, one of the reference texts.

Edit similarity is 1 - d / max(|a|, |b|), with d the Levenshtein distance, as in Lee et al. 2022, "Deduplicating Training
Data Makes Language Models Better". Unlike a Jaccard index it tells "from savings to checking" from "from checking to
savings", and a typing error costs a short text no more than a long one. Pairs are pruned by their lengths and by the pairs of
neighbouring characters they share (the q-gram lemma, Ukkonen 1992, here a product of matrices), which misses nothing; what is
left is verified by RapidFuzz. Its `cdist` over all pairs needs no pruning and is quicker where there are many groups, but two to
seven times slower within one group of ten thousand texts.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from tasks.data.scripts import UNSPACED

Ints = NDArray[np.int64]

# Texts above this many characters are compared word by word: their distances in characters would take seconds a pair.
MAX_CHARACTERS_COMPARED: Final = 256
_FEWEST_PLACES: Final = 64
_MOST_PLACES: Final = 2048
_BAG_CELLS: Final = 1 << 25
_PAIRS_PER_BLOCK: Final = 1 << 20
_ROUNDING: Final = 1e-9
# RapidFuzz turns a cutoff into a distance and rounds it down, so that a pair just at the cutoff is lost: it gets a lower one.
_CUTOFF_MARGIN: Final = 1e-4
_UNSPACED_SCRIPTS: Final = re.compile(f"([{UNSPACED}])")


@dataclass(frozen=True, slots=True)
class Match:
    """A reference text (its position) that is similar enough, and how similar it is."""

    reference: int
    similarity: float


def similar_texts(
    queries: Sequence[str],
    references: Sequence[str],
    *,
    query_groups: Sequence[str],
    reference_groups: Sequence[str],
    threshold: float,
) -> dict[int, Match]:
    """For each query (by position) that has one: a reference of its own group with edit similarity >= `threshold`.

    Where several references are similar enough, any one of them is named, the same one every time. Texts are
    compared by characters, and by words if either has more than `MAX_CHARACTERS_COMPARED` characters.
    """
    groups = {name: number for number, name in enumerate(dict.fromkeys([*query_groups, *reference_groups]))}
    group_of = np.array([groups[name] for name in (*query_groups, *reference_groups)], np.int64)
    texts = [*queries, *references]
    is_long = np.array([len(text) > MAX_CHARACTERS_COMPARED for text in texts], bool)
    is_query = np.arange(len(texts)) < len(queries)
    found: dict[int, Match] = {}
    by_characters = (is_query & ~is_long, ~is_query & ~is_long)
    long_with_all = (is_query & is_long, ~is_query)
    short_with_long = (is_query & ~is_long, ~is_query & is_long)
    for units, pairings in ((_characters, [by_characters]), (_words, [long_with_all, short_with_long])):
        pairings = [(left, right) for left, right in pairings if left.any() and right.any()]
        if pairings:
            used = np.logical_or.reduce([mask for pairing in pairings for mask in pairing])
            sequences = _Sequences.of(*units([text if use else "" for text, use in zip(texts, used, strict=True)]))
            join = _Join(sequences, group_of, threshold)
            for left, right in pairings:
                unsettled = np.array([i for i in np.flatnonzero(left).tolist() if i not in found], np.int64)
                for query, reference, similarity in join.run(unsettled, np.flatnonzero(right)):
                    found[query] = Match(reference - len(queries), similarity)
    return found


def _characters(texts: Sequence[str]) -> tuple[Sequence[str], Ints]:
    """The texts, and the numbers of all their characters, one text after the other."""
    return texts, np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").astype(np.int64)


def _words(texts: Sequence[str]) -> tuple[list[list[int]], Ints]:
    """The texts as numbers that stand for their words, and all of these, one text after the other."""
    numbers: dict[str, int] = {}
    split_up = [
        [numbers.setdefault(word, len(numbers)) for word in _UNSPACED_SCRIPTS.sub(r" \1 ", text).split()]
        for text in texts
    ]
    return split_up, np.array([number for words in split_up for number in words], np.int64)


@dataclass(frozen=True)
class _Sequences:
    """Texts as sequences of units: characters, or numbers of words.

    `bags` (n, 2 · places) says which pairs of neighbouring units a text has, and which it has twice; the most frequent pairs have
    a place of their own, the others share. `surplus` counts the pairs that found no place free. So two texts have at most
    `bags[i] @ bags[j] + surplus[j]` pairs in common.
    """

    values: Sequence[str] | Sequence[list[int]]
    lengths: Ints
    bags: NDArray[np.float32]
    surplus: Ints

    @classmethod
    def of(cls, values: Sequence[str] | Sequence[list[int]], units: Ints) -> "_Sequences":
        """From the sequences and the numbers of all their units, one sequence after the other."""
        lengths = np.array([len(value) for value in values], np.int64)
        text_of = np.repeat(np.arange(len(lengths)), lengths)
        starts_pair = text_of[:-1] == text_of[1:]
        known, numbers = np.unique(units, return_inverse=True)
        _, pairs, counts = np.unique(
            numbers[:-1][starts_pair] * len(known) + numbers[1:][starts_pair], return_inverse=True, return_counts=True
        )
        rank = np.empty(len(counts), np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        texts, places = text_of[:-1][starts_pair], _places(lengths)
        counts = np.bincount(texts * places + rank[pairs] % places, minlength=len(lengths) * places)
        counts = counts.reshape(len(lengths), places)
        bags = np.concatenate([counts >= 1, counts >= 2], axis=1, dtype=np.float32)
        surplus = np.maximum(counts - 2, 0).sum(axis=1)
        return cls(values, lengths, bags, surplus)


def _places(lengths: Ints) -> int:
    """Enough places for most texts to be sparse, within bounded memory: the fewer, the more pairs have to be verified."""
    used = lengths[lengths > 0]
    wanted = 2 * float(np.quantile(used, 0.9)) if len(used) else 1.0
    most = max(_FEWEST_PLACES, _BAG_CELLS // max(1, len(lengths)))
    return int(min(max(2 ** np.ceil(np.log2(wanted)), _FEWEST_PLACES), _MOST_PLACES, most))


class _Join:
    """Finds one similar reference per query, group by group, in blocks of bounded memory."""

    def __init__(self, sequences: _Sequences, group_of: Ints, threshold: float) -> None:
        self._sequences = sequences
        self._group_of = group_of
        self._threshold = threshold

    def run(self, queries: Ints, references: Ints) -> Iterator[tuple[int, int, float]]:
        """(query, reference, similarity) for every query with a similar reference.

        The nearest reference by bag distance settles most queries; only for the others all candidates are looked at.
        """
        doubtful: list[Ints] = []
        for pairs in _gathered(self._candidates(queries, references, nearest_only=True)):
            settled = list(self._verified(pairs))
            yield from settled
            doubtful.append(np.setdiff1d(pairs[0], [query for query, _, _ in settled]))
        if doubtful:
            for pairs in _gathered(self._candidates(np.concatenate(doubtful), references, nearest_only=False)):
                yield from self._verified(pairs)

    def _candidates(self, queries: Ints, references: Ints, *, nearest_only: bool) -> Iterator[Ints]:
        """Blocks (2, n) of query and reference that may be similar; all pairs of a query are in the same block."""
        lengths, bags = self._sequences.lengths, self._sequences.bags
        # One sortable number for (group, length): the references that a query is compared with are a range of it.
        stride = int(lengths.max(initial=0)) + 2
        keys = self._group_of * stride + lengths
        references = references[np.argsort(keys[references], kind="stable")]
        queries = queries[np.argsort(keys[queries], kind="stable")]
        reference_keys = keys[references]
        for alike in np.split(queries, np.flatnonzero(np.diff(keys[queries])) + 1):
            if not len(alike):
                continue
            group, length = divmod(int(keys[alike[0]]), stride)
            shortest = max(1, int(np.ceil(self._threshold * length - _ROUNDING)))
            longest = min(int(length / self._threshold + _ROUNDING), stride - 1)
            low = np.searchsorted(reference_keys, group * stride + shortest)
            high = np.searchsorted(reference_keys, group * stride + longest, side="right")
            partners = references[low:high]
            if not len(partners):
                continue
            # One edit takes at most two pairs of neighbours away (the q-gram lemma): similar texts have this many in common.
            longer = np.maximum(lengths[partners], length)
            needed = longer - 1 - 2 * self._most_edits(longer) - self._sequences.surplus[partners]
            for block in np.array_split(alike, 1 + len(alike) * len(partners) // _PAIRS_PER_BLOCK):
                in_common = bags[block] @ bags[partners].T
                if nearest_only:
                    best = (in_common - needed.astype(np.float32)).argmax(axis=1)
                    possible = in_common[np.arange(len(block)), best] >= needed[best]
                    yield np.stack([block[possible], partners[best[possible]]])
                else:
                    left, right = np.nonzero(in_common >= needed.astype(np.float32))
                    yield np.stack([block[left], partners[right]])

    def _verified(self, pairs: Ints) -> Iterator[tuple[int, int, float]]:
        """The first similar pair of each query, if it has one."""
        left, right = ([self._sequences.values[i] for i in side.tolist()] for side in pairs)
        least = self._threshold - _ROUNDING
        cutoff = max(0.0, least - _CUTOFF_MARGIN)
        similarities = process.cpdist(
            left, right, scorer=Levenshtein.normalized_similarity, score_cutoff=cutoff, dtype=np.float64
        )
        similar = np.flatnonzero(similarities >= least)
        settled, first = np.unique(pairs[0, similar], return_index=True)
        for query, pair in zip(settled.tolist(), similar[first].tolist(), strict=True):
            yield query, int(pairs[1, pair]), float(similarities[pair])

    def _most_edits(self, longest: Ints) -> Ints:
        return np.floor((1 - self._threshold) * longest + _ROUNDING).astype(np.int64)


def _gathered(blocks: Iterable[Ints]) -> Iterator[Ints]:
    """Joins small blocks of pairs, so that they are worth a batch."""
    waiting: list[Ints] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.shape[1]
        if count >= _PAIRS_PER_BLOCK:
            yield np.concatenate(waiting, axis=1)
            waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting, axis=1)
