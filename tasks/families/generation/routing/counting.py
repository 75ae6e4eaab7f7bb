"""Exact counts of very many occurrences in bounded memory: by sorting numbers, and not by the keys of a table.

A table of counters takes hundreds of bytes for every distinct key, and free text hardly repeats one. Sorting takes some tens
of bytes for an occurrence, whatever is distinct. Everything comes in the order of its first occurrence, as from a Counter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Favourites:
    """By context: how often it was seen (`totals`), what came next most often (the first of equals), and how often that."""

    contexts: Ints
    totals: Ints
    nexts: Ints
    counts: Ints

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of the most frequent; one more that was seen counts against it, since few rows say little."""
        return self.counts / (self.totals + 1)


def favourites(packed: Ints, base: int, least: int = 1) -> Favourites:
    """Of contexts that occur at least so often. `packed`: for each occurrence `context * base + next`."""
    values, counts, firsts = _runs(packed, base, least)
    contexts = values // base
    starts = _starts(contexts)
    best = np.lexsort((firsts, -counts, contexts))[starts]
    order = np.argsort(_reduced(np.minimum, firsts, starts))
    totals = _reduced(np.add, counts, starts)
    return Favourites(contexts[starts][order], totals[order], (values % base)[best][order], counts[best][order])


def how_often(packed: Ints, least: int) -> tuple[Ints, Ints, Ints]:
    """Keys that occur at least so often, how often they do, and how often so. `packed`: for each occurrence `key * 2 + so`."""
    values, counts, firsts = _runs(packed, 2, least)
    keys = values // 2
    starts = _starts(keys)
    order = np.argsort(_reduced(np.minimum, firsts, starts))
    seen, so = _reduced(np.add, counts, starts), _reduced(np.add, counts * (values % 2), starts)
    return keys[starts][order], seen[order], so[order]


def _runs(packed: Ints, base: int, least: int) -> tuple[Ints, Ints, Ints]:
    """The distinct values in their order, how often each occurs and where first; rare contexts are gone before."""
    order = np.argsort(packed, kind="stable")
    values = packed[order]
    if least > 1:
        sizes = np.diff(_starts(values // base), append=len(values))
        kept = np.repeat(sizes >= least, sizes)
        order, values = order[kept], values[kept]
    starts = _starts(values)
    return values[starts], np.diff(starts, append=len(values)), order[starts]


def _starts(ordered: Ints) -> Ints:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))


def _reduced(operation: np.ufunc, values: Ints, starts: Ints) -> Ints:
    """By run; `reduceat` knows no empty array."""
    return operation.reduceat(values, starts) if len(starts) else values[:0]
