"""Rows as a set of what their texts say: how much two sets have in common, whatever files and spellings they came in.

A row is told by its text alone, spelled as duplicates are compared: a label that comes in later, or is mended, makes no unseen
row of a seen one.
"""

import hashlib
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.data.duplicates import duplicate_key
from tasks.data.rows import Row

RowSet: TypeAlias = NDArray[np.uint64]
"""Sorted, each once: the first 64 bits of a SHA-256 of each row's text. A million rows collide with a chance of 3e-8."""


def row_set(rows: Iterable[Row]) -> RowSet:
    """The set of these rows."""
    return np.unique(row_keys(rows))


def row_keys(rows: Iterable[Row]) -> RowSet:
    """(rows,) what tells each of them, in their order."""
    digests = (hashlib.sha256(duplicate_key(row.text).encode()).digest()[:8] for row in rows)
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def set_digest(rows: RowSet) -> str:
    """SHA-256 of a set."""
    return hashlib.sha256(rows.astype(">u8").tobytes()).hexdigest()


def shares_most(one: RowSet, other: RowSet) -> bool:
    """Whether more than half of the smaller set's rows are in both; an empty set shares nothing."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return 2 * common > min(len(one), len(other))
