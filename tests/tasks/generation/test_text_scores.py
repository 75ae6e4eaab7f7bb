"""Token F1 and ROUGE-L: against hand counts and a plain table."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.text_scores import longest_common_subsequence, rouge_l, token_f1

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
