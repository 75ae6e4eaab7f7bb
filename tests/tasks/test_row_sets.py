"""Rows are the same rows whatever their spelling, label or file, and sets of them share most where more than half is in both."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.row_sets import row_keys, row_set, set_digest, shares_most
from tasks.data.rows import Row

NUMBERS = st.sets(st.integers(0, 30), max_size=20)


def rows(texts: set[int]) -> list[Row]:
    return [Row(f"text {number}", "label") for number in texts]


def test_spelling_and_label_make_no_other_row() -> None:
    once, again = Row("Where IS my card?", "a", "slice"), Row(" where is my  card", "")
    assert row_keys([once]) == row_keys([again])
    assert row_keys([once]) != row_keys([Row("where is my car", "a")])


@given(one=NUMBERS, other=NUMBERS)
def test_sets_share_most_as_counting_says(one: set[int], other: set[int]) -> None:
    expected = len(one & other) > min(len(one), len(other)) / 2
    assert shares_most(row_set(rows(one)), row_set(rows(other))) == expected
    assert (set_digest(row_set(rows(one))) == set_digest(row_set(rows(other)))) == (one == other)


def test_no_rows_are_a_set_too() -> None:
    assert len(row_set([])) == 0
    assert not shares_most(row_set([]), row_set([]))
    assert np.array_equal(row_set(rows({1, 2})), np.unique(row_keys([*rows({2}), *rows({1, 2})])))
