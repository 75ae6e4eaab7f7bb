"""Rows made of train rows for the lexical path to be taught on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.families.classification.encoder.augmentation import augmented

ROWS = st.lists(st.lists(st.integers(5, 40), max_size=9), min_size=1, max_size=12)


@given(rows=ROWS, times=st.integers(0, 3), most=st.integers(3, 12), seed=st.integers(0, 9))
def test_new_rows_are_made_of_known_tokens_between_the_same_ends(
    rows: list[list[int]], times: int, most: int, seed: int
) -> None:
    framed = [np.array([2, *row, 3]) for row in rows]
    made = augmented(framed, times, most, seed)
    known = {token for row in rows for token in row}
    assert len(made) == times * len(rows)
    for row in made:
        assert row[0] == 2
        assert row[-1] == 3
        assert len(row) <= max(most, 2)
        assert set(row[1:-1].tolist()) <= known


def test_a_seed_gives_the_same_rows_again_and_another_gives_others() -> None:
    rows = [np.arange(start, start + 9) for start in range(2, 40)]
    one, again, other = (augmented(rows, 2, 32, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
