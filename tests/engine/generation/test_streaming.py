"""Pieces of a growing answer: together the whole text, wherever it is cut, and none is ever taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engine.generation.prompts import PieceDecoder, PromptTokenizer
from engine.generation.token_bytes import token_bytes
from tests.byte_tokenizers import KINDS, byte_fallback, prompts_of


def streamed(prompts: PromptTokenizer, tokens: list[int], step: int = 1) -> list[str]:
    decoder = PieceDecoder(prompts)
    pieces = [decoder.piece(tokens[:count], final=False) for count in range(step, len(tokens) + 1, step)]
    return [*pieces, decoder.piece(tokens, final=True)]


texts = st.text(st.sampled_from('ab z19"{,:é日本😀👩🏽‍🚀'), min_size=1, max_size=30)


@given(text=texts, cut=st.integers(0, 8), step=st.integers(1, 5))
def test_pieces_are_the_whole_text_wherever_it_is_cut(prompts, tokenizer, text: str, cut: int, step: int) -> None:
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    tokens = tokens[: max(0, len(tokens) - cut)]
    assert "".join(streamed(prompts, tokens, step)) == prompts.decode(tokens)


@given(ids=st.lists(st.integers(3, 300), max_size=12))
def test_pieces_of_tokens_that_are_no_text_are_the_whole_answer_too(prompts, tokenizer, ids: list[int]) -> None:
    ids = [number % tokenizer.get_vocab_size() for number in ids]
    assert "".join(streamed(prompts, ids)) == prompts.decode(ids)


def test_a_run_of_bytes_waits_until_it_is_over_and_what_stands_before_it_does_not(tmp_path) -> None:
    prompts = prompts_of(byte_fallback(), tmp_path)
    tokens = prompts.encode("ab cd 😀😀 ef")
    pieces = streamed(prompts, tokens)
    shown = ["".join(pieces[:count]) for count in range(len(pieces) + 1)]
    first_byte = next(place for place, token in enumerate(tokens) if token in prompts.byte_ids)
    assert shown[first_byte + 8].startswith("ab cd")
    assert "😀" not in shown[first_byte + 8]
    assert "ab cd 😀😀" in shown[first_byte + 10]
    cut = tokens[: first_byte + 7]
    assert "".join(streamed(prompts, cut)) == prompts.decode(cut) == "ab cd " + 7 * "\ufffd"


@given(text=texts)
def test_the_bytes_of_an_answers_tokens_are_its_texts(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    said, held = b"", b""
    for place, token in enumerate(tokens):
        new, held = token_bytes(tokenizer).behind(tokens[:place], held, token)
        said += new
    assert (said + held).decode() == tokenizer.decode(tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_is_no_token_says_nothing(kind: str) -> None:
    tokenizer = KINDS[kind]()
    said = token_bytes(tokenizer).behind([], b"", tokenizer.get_vocab_size() + 7)
    assert said in (None, (b"", b""))
