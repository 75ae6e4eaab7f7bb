"""The tokenizer that is trained on a project's rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from tasks.families.generation.rows.train_tokenizer import train_tokenizer
from tests.tasks.generation.conftest import call_rows


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    rows = call_rows(600, 1)
    return train_tokenizer((text for row in rows for text in (row.text, row.label)), 512, 96)


def ids_of(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


@given(text=st.text(st.characters(exclude_characters="\ue000", exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_as_it_was(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    if not any(special in text for special in tokenizer.all_special_tokens):
        assert tokenizer.decode(ids_of(tokenizer, text)) == text


def test_a_call_comes_back_as_it_was(tokenizer: PreTrainedTokenizerFast) -> None:
    for row in call_rows(50, 9):
        assert tokenizer.decode(ids_of(tokenizer, row.label)) == row.label


@pytest.mark.parametrize("value", ["ann", "Rosa", "corn", "57"])
def test_a_value_is_the_same_tokens_in_a_request_and_behind_a_quotation_mark(
    tokenizer: PreTrainedTokenizerFast, value: str
) -> None:
    wanted = ids_of(tokenizer, f" {value}")
    call = ids_of(tokenizer, f'{{"to":"{value}"}}')
    assert any(call[start : start + len(wanted)] == wanted for start in range(len(call)))


@pytest.mark.parametrize(("written", "value"), [("1,300", 1300), ("¥57", 57), ("12,345,678", 12345678)])
def test_a_number_is_the_same_tokens_with_and_without_the_commas_in_it(
    tokenizer: PreTrainedTokenizerFast, written: str, value: int
) -> None:
    (comma,) = ids_of(tokenizer, ",")
    wanted = ids_of(tokenizer, f" {value}")
    request = [token for token in ids_of(tokenizer, f"pay {written}") if token != comma]
    assert request[-len(wanted) :] == wanted
    call = ids_of(tokenizer, f'{{"value":{value}}}')
    assert any(call[start : start + len(wanted)] == wanted for start in range(len(call)))


def test_a_comma_between_two_numbers_leaves_the_second_its_leading_space(tokenizer: PreTrainedTokenizerFast) -> None:
    assert ids_of(tokenizer, "1,57")[-1:] == ids_of(tokenizer, " 57")[-1:]
    assert ids_of(tokenizer, "1,57") != ids_of(tokenizer, "1,570")


def test_marks_with_keys_become_one_token(tokenizer: PreTrainedTokenizerFast) -> None:
    text = '{"function":"tell","to":"ann","what":"milk"}'
    assert len(ids_of(tokenizer, text)) < len(text.replace('"', " ").split()) + 10
    pieces = [tokenizer.decode([token]) for token in ids_of(tokenizer, text)]
    assert any("what" in piece and ":" in piece for piece in pieces)


def test_the_vocabulary_keeps_to_its_size(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer) <= 512
