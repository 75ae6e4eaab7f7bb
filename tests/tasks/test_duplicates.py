"""Which rows count as the same, which as nearly the same, and who leaves when two splits share one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.duplicates import (
    count_leaking_rows,
    duplicate_key,
    same_text_key,
    without_contradictions,
    without_duplicates,
    without_leaks,
)
from tasks.data.edit_similarity import similar_texts
from tasks.data.rows import Row

TO_CHECKING = "please move 50 dollars from savings to checking"
TO_SAVINGS = "please move 50 dollars from checking to savings"


def splits(**rows: list[Row]) -> dict[str, list[Row]]:
    return {split: rows.get(split, []) for split in ("train", "tune", "certify", "gate")}


def is_near(first: str, second: str, threshold: float = 0.9) -> bool:
    keys = duplicate_key(first), duplicate_key(second)
    found = similar_texts([keys[0]], [keys[1]], query_groups=["x"], reference_groups=["x"], threshold=threshold)
    return bool(found)


# ---------------------------------------------------------------- what is the same


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What's my balance?", "whats my  balance"),
        ("WHAT’S MY BALANCE", "what's my balance!"),
        ("ﬁne, ①", "FINE 1"),
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("zero\u200bwidth\u00ad", "zerowidth"),
        ("to-do list", "to do list"),
        ("转账。", "转账"),
    ],
)
def test_spelling_that_does_not_matter_is_ignored(first: str, second: str) -> None:
    assert duplicate_key(first) == duplicate_key(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("5 + 3", "5 3"), ("???", "!!!"), ("is it 5 €", "is it 5 $"), ("👍", "👎"), (TO_CHECKING, TO_SAVINGS)],
)
def test_what_may_carry_the_meaning_is_kept(first: str, second: str) -> None:
    assert duplicate_key(first) != duplicate_key(second)


@given(st.text(max_size=30))
def test_keys_are_stable_under_case_and_themselves(text: str) -> None:
    assert same_text_key(same_text_key(text)) == same_text_key(text)
    assert duplicate_key(f"  {text} ") == duplicate_key(text)
    assert bool(duplicate_key(text)) == bool(same_text_key(text))


def test_the_same_text_with_several_labels_is_dropped_everywhere_and_named() -> None:
    kept, contradicting = without_contradictions(
        {"train": [Row("Hello there", "a"), Row("bye", "b")], "test": [Row("hello  there", "b"), Row("bye", "b")]}
    )
    assert kept == {"train": [Row("bye", "b")], "test": [Row("bye", "b")]}
    assert contradicting == {"hello there": ("a", "b")}


def test_texts_that_differ_in_punctuation_may_have_labels_of_their_own() -> None:
    rows = {"train": [Row("how do I sort in C#", "csharp"), Row("how do I sort in C", "c")]}
    assert without_contradictions(rows)[0] == rows
    assert len(without_duplicates(rows["train"])) == 2


def test_duplicates_within_a_split_are_merged_whatever_their_order() -> None:
    rows = [Row("hello there!", "a", "x"), Row("Hello there", "a", "y"), Row("hello there", "b"), Row("bye", "a")]
    kept = without_duplicates(rows)
    assert set(kept) == {rows[1], rows[2], rows[3]}
    assert set(without_duplicates(rows[::-1])) == set(kept)


# ---------------------------------------------------------------- what is nearly the same


def test_another_order_of_the_words_is_another_text() -> None:
    assert not is_near(TO_CHECKING, TO_SAVINGS)
    assert not is_near("the driver cancelled on me", "me cancelled on the driver")


@pytest.mark.parametrize(
    "other",
    [
        "please move 50 dollars from savings to chekcing",
        "Please, move 50 dollars from savings to checking now",
        "please move 70 dollars from savings to checking",
    ],
)
def test_typing_errors_a_short_word_and_other_digits_are_near(other: str) -> None:
    assert is_near(TO_CHECKING, other)


def test_short_texts_are_not_near_one_another() -> None:
    assert not is_near("yes", "yet")
    assert not is_near("turn it on", "turn it off")


def test_a_near_twin_with_another_label_does_not_leak() -> None:
    on, off = (Row(f"turn the kitchen light {way} please now", way) for way in ("on", "off"))
    rows = splits(train=[on], gate=[off])
    assert is_near(rows["train"][0].text, rows["gate"][0].text)
    assert without_leaks(rows, similarity=0.9)[1] == []


def test_long_texts_are_compared_by_words_and_with_short_ones() -> None:
    words = [f"word{number}" for number in range(300)]
    text = " ".join(words)
    assert is_near(text, " ".join([*words[:100], "another", *words[101:]]))
    assert not is_near(text, " ".join([*words[150:], *words[:150]]))
    assert not is_near(text, " ".join(words[:200]))
    long, short = "many words of a long text " * 10 + "x", "many words of a long text " * 9 + "many words of x"
    assert len(long) > 256 > len(short)
    assert is_near(long, short)
    assert is_near(short, long)


def test_long_texts_without_spaces_are_compared_too() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(400))
    assert is_near(text, text[:200] + "一" + text[200:])
    assert not is_near(text, text[200:] + text[:200])


def levenshtein(first: str, second: str) -> int:
    above = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        row = [i]
        for j, b in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
        above = row
    return above[-1]


short_texts = st.lists(st.text(alphabet="ab cé", min_size=1, max_size=24), min_size=1, max_size=8)


@settings(max_examples=200)
@given(
    queries=short_texts,
    references=short_texts,
    threshold=st.sampled_from([0.51, 0.6, 0.75, 0.9, 0.95, 1.0]),
    data=st.data(),
)
def test_the_join_finds_what_comparing_all_pairs_finds(
    queries: list[str], references: list[str], threshold: float, data: st.DataObject
) -> None:
    query_groups = [data.draw(st.sampled_from("xy")) for _ in queries]
    reference_groups = [data.draw(st.sampled_from("xy")) for _ in references]
    found = similar_texts(
        queries, references, query_groups=query_groups, reference_groups=reference_groups, threshold=threshold
    )
    for position, (query, group) in enumerate(zip(queries, query_groups, strict=True)):
        similar = {
            number: 1 - levenshtein(query, reference) / max(len(query), len(reference))
            for number, reference in enumerate(references)
            if reference_groups[number] == group
        }
        expected = {number for number, similarity in similar.items() if similarity >= threshold - 1e-12}
        assert (position in found) == bool(expected)
        if expected:
            assert found[position].reference in expected
            assert found[position].similarity == pytest.approx(similar[found[position].reference])


@pytest.mark.parametrize("length", [3, 5, 7, 20, 200])
def test_a_pair_just_at_the_threshold_is_found(length: int) -> None:
    for edits in range(1, (length + 1) // 2):
        threshold = 1 - edits / length
        found = similar_texts(
            ["a" * (length - edits)],
            ["a" * length],
            query_groups=["x"],
            reference_groups=["x"],
            threshold=threshold,
        )
        assert found[0].similarity == pytest.approx(threshold)


def test_the_join_agrees_with_all_pairs_on_many_texts_with_few_edits() -> None:
    random = np.random.default_rng(5)
    words = np.array(["move", "from", "to", "savings", "checking", "account", "card", "block", "cancel", "not", "do"])

    def edited(text: str) -> str:
        letters = list(text)
        for _ in range(random.integers(0, 8)):
            at = random.integers(len(letters))
            letters[at : at + random.integers(2)] = random.choice(["", "a", "b", " "], random.integers(0, 2))
        return "".join(letters) or "x"

    base = [" ".join(random.choice(words, random.integers(2, 9))) for _ in range(40)]
    queries, references = [edited(text) for text in base * 2], [edited(text) for text in base]
    found = similar_texts(queries, references, query_groups=["x"] * 80, reference_groups=["x"] * 40, threshold=0.9)
    expected = {
        position
        for position, query in enumerate(queries)
        if any(levenshtein(query, other) <= 0.1 * max(len(query), len(other)) + 1e-9 for other in references)
    }
    assert 10 < len(expected) < 80
    assert set(found) == expected


# ---------------------------------------------------------------- who leaves


def test_rows_leave_the_less_protected_split() -> None:
    row, near = Row(TO_CHECKING, "x"), Row(TO_CHECKING + "!", "x")
    kept, leaks = without_leaks(splits(train=[row], tune=[near], certify=[row], gate=[near]), similarity=0.9)
    assert kept == splits(gate=[near])
    assert {(leak.split, leak.other_split, leak.exact, leak.similarity) for leak in leaks} == {
        (split, "gate", True, 1.0) for split in ("train", "tune", "certify")
    }


def test_a_row_that_has_left_protects_nothing_any_more() -> None:
    texts = ["a" * 20 + "b" * 20, "a" * 18 + "b" * 22, "a" * 14 + "b" * 26]
    train, certify, gate = (Row(text, "x") for text in reversed(texts))
    kept, leaks = without_leaks(splits(train=[train], certify=[certify], gate=[gate]), similarity=0.9)
    assert kept == splits(train=[train], gate=[gate])
    (leak,) = leaks
    assert (leak.row, leak.other, leak.exact) == (certify, gate, False)
    assert leak.similarity == pytest.approx(0.95)


def test_nothing_leaks_any_more_once_leaks_are_removed() -> None:
    rows = {
        split: [Row(f"send {number * step} dollars to {name} by tomorrow evening", "send") for number in range(40)]
        for split, step, name in (
            ("train", 1, "anna"),
            ("tune", 3, "anne"),
            ("certify", 7, "hanna"),
            ("gate", 11, "otto"),
        )
    }
    assert count_leaking_rows(rows, similarity=0.9) > 40
    kept, leaks = without_leaks(rows, similarity=0.9)
    assert count_leaking_rows(kept, similarity=0.9) == 0
    assert sum(map(len, kept.values())) + len(leaks) == 160
    assert kept["gate"] == rows["gate"]


def test_a_similarity_of_one_leaves_only_duplicates() -> None:
    rows = splits(train=[Row("Hello there!", "x"), Row("hello theres", "x")], gate=[Row("hello there", "x")])
    kept, leaks = without_leaks(rows, similarity=1.0)
    assert kept["train"] == [Row("hello theres", "x")]
    assert len(leaks) == 1
