"""Counting by sorting finds what a table of counters finds, in the same order, and takes no more memory for rare keys."""

import random
import tracemalloc
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.families.generation.routing import phrases
from tasks.families.generation.routing.counting import favourites, how_often
from tasks.families.generation.rows.examples import Example

BASE = 7
PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, BASE - 1)), max_size=60)


@given(PAIRS, st.integers(1, 4))
def test_favourites_are_those_of_counters(pairs: list[tuple[int, int]], least: int) -> None:
    counters: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for context, following in pairs:
        counters[context][following] += 1
    expected = [
        (context, counter.total(), *counter.most_common(1)[0])
        for context, counter in counters.items()
        if counter.total() >= least
    ]

    found = favourites(np.array([context * BASE + following for context, following in pairs], np.int64), BASE, least)

    columns = (found.contexts, found.totals, found.nexts, found.counts)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60), st.integers(1, 4))
def test_shares_are_those_of_counters(occurrences: list[tuple[int, bool]], least: int) -> None:
    seen, so = Counter(key for key, _ in occurrences), Counter(key for key, held in occurrences if held)

    found = how_often(np.array([key * 2 + held for key, held in occurrences], np.int64), least)

    expected = [(key, times, so[key]) for key, times in seen.items() if times >= least]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_free_text_that_hardly_repeats_itself_takes_tens_of_bytes_for_a_pair() -> None:
    chance = random.Random(0)
    rows = [
        Example([chance.randrange(30_000) for _ in range(100)], [chance.randrange(30_000) for _ in range(40)])
        for _ in range(100)
    ]
    pairs = sum(len(row.prompt) * len(row.completion) for row in rows)
    tracemalloc.start()
    try:
        phrases.learn_phrases(rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / pairs < 80  # counters took more than 400
