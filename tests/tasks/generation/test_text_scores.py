"""Token F1 and ROUGE-L: against hand counts and a plain table."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.families.generation.rows.text_scores import longest_common_subsequence, rouge_l, token_f1, words

WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


def test_f1_counts_shared_words_whatever_their_order() -> None:
    assert token_f1("send 5 pears to Ada", "to ada send 5") == 2 * 4 / 9
    assert token_f1("a a b", "a b b") == 2 * 2 / 6
    assert token_f1("a", "") == 0


def test_rouge_l_counts_shared_words_in_order() -> None:
    assert rouge_l("send 5 pears to Ada", "to ada send 5") == 2 * 2 / 9
    assert rouge_l('{"name":"Ada"}', '{"name": "ada"}') == 1


def test_texts_without_words_are_compared_as_they_are() -> None:
    assert token_f1("", "") == rouge_l(" ", "") == 1
    assert token_f1("!?", "!?") == 1
    assert rouge_l("!?", "?!") == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我要订两张票。", list("我要订两张票")),
        ("コーヒーを2杯", [*"コーヒーを", "2", "杯"]),
        ("ซื้อน้ำ 2 ขวด", ["ซื้", "อ", "น้", "ำ", "2", "ข", "ว", "ด"]),
        ("订 iPhone 15 一台", ["订", "iphone", "15", "一", "台"]),
        ("서울에서 커피 두 잔", ["서울에서", "커피", "두", "잔"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("Zoë’s café, ABC_1", ["zoë", "s", "café", "abc_1"]),
        ("𠮷野家", list("𠮷野家")),
        ("…。", ["…。"]),
    ],
)
def test_words_are_characters_where_nothing_parts_words(text: str, expected: list[str]) -> None:
    assert [unicodedata.normalize("NFC", word) for word in words(text)] == [
        unicodedata.normalize("NFC", word) for word in expected
    ]


def test_a_clause_that_is_half_right_is_half_right_in_any_script() -> None:
    assert token_f1("我要订两张票", "我要订三张票") == pytest.approx(5 / 6)
    assert rouge_l("我要订两张票", "票张两订要我") == pytest.approx(1 / 6)
    assert token_f1("สวัสดีครับ", "สวัสดีค่ะ") > 0.5


@given(st.text())
@example("≠")
def test_the_composition_of_characters_does_not_count(text: str) -> None:
    assert token_f1(unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)) == 1


@given(WORDS, WORDS)
def test_the_longest_common_subsequence_is_that_of_the_plain_table(one: list[str], other: list[str]) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row, word in enumerate(one):
        for column, found in enumerate(other):
            longer = table[row][column] + 1
            table[row + 1][column + 1] = (
                longer if word == found else max(table[row][column + 1], table[row + 1][column])
            )
    assert longest_common_subsequence(one, other) == table[-1][-1]
