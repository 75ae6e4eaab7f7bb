"""Train, tune, certify and gate: disjoint, stratified, seeded, and steady when data grow."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.rows import SPLITS, Row
from tasks.data.splits import MIN_TRAIN_ROWS, assign_splits
from tasks.recipe.data import SplitShares

SHARES = SplitShares(tune=0.15, certify=0.25, gate=0.15, tune_of_validation=0.4)


def rows(count: int, label: str = "x", prefix: str = "text") -> list[Row]:
    return [Row(f"{prefix} {number}", label) for number in range(count)]


def places(splits: dict[str, list[Row]]) -> dict[Row, str]:
    return {row: split for split, members in splits.items() for row in members}


def test_given_files_become_the_splits_they_stand_for() -> None:
    train, validation, test = rows(50, prefix="a"), rows(50, prefix="b"), rows(50, prefix="c")
    splits = assign_splits({"train": train, "validation": validation, "test": test}, SHARES, seed=1)
    assert set(splits["train"]) == set(train)
    assert set(splits["gate"]) == set(test)
    assert set(splits["tune"]) | set(splits["certify"]) == set(validation)
    assert abs(len(splits["tune"]) - 20) <= 1


@pytest.mark.parametrize("given_roles", [(), ("test",), ("validation",)])
def test_what_is_not_given_is_carved_from_train_by_shares_within_each_label(given_roles: tuple[str, ...]) -> None:
    train = rows(200, "a") + rows(40, "b") + rows(1000, "c")
    by_role = {"train": train, **{role: rows(10, "a", role) for role in given_roles}}
    splits = assign_splits(by_role, SHARES, seed=1)
    carved = {"tune": 0.15, "certify": 0.25, "gate": 0.15}
    if "test" in given_roles:
        del carved["gate"]
    if "validation" in given_roles:
        del carved["tune"], carved["certify"]
    for split, share in carved.items():
        counts = Counter(row.label for row in splits[split])
        for label, total in (("a", 200), ("b", 40), ("c", 1000)):
            assert abs(counts[label] - share * total) <= 1


def test_many_small_classes_still_give_splits_of_the_wanted_size() -> None:
    train = [row for label in range(300) for row in rows(5, f"label {label}", f"text {label}")]
    splits = assign_splits({"train": train}, SHARES, seed=3)
    for split, share in (("tune", 0.15), ("certify", 0.25), ("gate", 0.15)):
        assert len(splits[split]) == pytest.approx(share * 1500, rel=0.15)


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6), seed=st.integers(0, 5), order=st.randoms())
def test_splits_are_disjoint_complete_and_independent_of_the_order_of_rows(
    sizes: list[int], seed: int, order: object
) -> None:
    train = [row for label, size in enumerate(sizes) for row in rows(size, str(label), f"text {label}")]
    splits = assign_splits({"train": train}, SHARES, seed=seed)
    assert sorted(row.text for split in SPLITS for row in splits[split]) == sorted(row.text for row in train)
    shuffled = list(train)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert places(assign_splits({"train": shuffled}, SHARES, seed=seed)) == places(splits)
    left = Counter(row.label for row in splits["train"])
    assert all(left[str(label)] >= min(size, MIN_TRAIN_ROWS) for label, size in enumerate(sizes))


def test_another_seed_gives_other_splits() -> None:
    first, second = (places(assign_splits({"train": rows(400)}, SHARES, seed=seed)) for seed in (1, 2))
    assert sum(first[row] != second[row] for row in first) > 100


def test_a_data_set_that_grows_moves_few_rows() -> None:
    before = places(assign_splits({"train": rows(1000, "a") + rows(1000, "b", "other")}, SHARES, seed=1))
    one_more = places(assign_splits({"train": rows(1001, "a") + rows(1000, "b", "other")}, SHARES, seed=1))
    assert sum(one_more[row] != split for row, split in before.items()) <= 3
    many_more = places(assign_splits({"train": rows(1200, "a") + rows(1000, "b", "other")}, SHARES, seed=1))
    moved = [row for row, split in before.items() if many_more[row] != split]
    assert len(moved) < 100
    assert {row.label for row in moved} <= {"a"}
