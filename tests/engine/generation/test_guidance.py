"""A schema leaves alone what keeps to it, whatever the tokenizer does with characters, and says where nothing can."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engine.generation.decoding import decode
from engine.generation.guidance import SchemaGuide, checked_schema
from engine.generation.prompts import PromptTokenizer
from tests.byte_tokenizers import KINDS, byte_fallback, prompts_of, whole_words

ANY_TEXT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
VALUES = ["日本", "😀😀", "a é b", "👩🏽‍🚀 a", 'b\\"', "", " 日"]


class Scripted:
    """A state that finds one answer likeliest, whatever it reads."""

    most_draft_rows = 1

    def __init__(self, tokens: list[int], vocabulary: int) -> None:
        self.tokens, self.vocabulary = tokens, vocabulary

    def read(self, ids: list[int], past: int, rows: int) -> np.ndarray:
        row = np.linspace(-3, -4, self.vocabulary, dtype=np.float32)
        row[self.tokens[past]] = -0.5
        return row[None]


def guided(prompts: PromptTokenizer, tokenizer: Tokenizer, text: str, schema: object, end: int = 2, **options):
    """What is said under a schema where the model would say `text`; with its tokens."""
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    guide = SchemaGuide(checked_schema(schema), prompts, frozenset({end}))
    state = Scripted([*tokens, *[end] * 200], tokenizer.get_vocab_size())
    *_, answer = decode(
        state, [0], end_ids=frozenset({end}), constraint=guide, **{"max_new_tokens": len(tokens) + 1, **options}
    )
    return answer, tokens


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("closed", [False, True])
def test_an_answer_that_keeps_to_the_schema_is_the_same(prompts, tokenizer, value: str, closed: bool) -> None:
    text = f'{{"a":"{value}"}}'
    said = json.loads(text)["a"]
    schema = {**ANY_TEXT, "properties": {"a": {"enum": ["ab", said, "日本酒"]}}} if closed else ANY_TEXT
    answer, tokens = guided(prompts, tokenizer, text, schema)
    assert answer.tokens == tokens
    assert answer.ended
    assert prompts.decode(answer.tokens) == text


@given(value=st.text(st.sampled_from("ab 19é日本😀👩🏽‍🚀\u200d"), max_size=12))
def test_any_string_can_be_written(prompts, tokenizer, value: str) -> None:
    answer, tokens = guided(prompts, tokenizer, json.dumps({"a": value}, ensure_ascii=False), ANY_TEXT)
    assert answer.tokens == tokens
    assert answer.ended


@pytest.mark.parametrize("text", ['{"b":"日本"}', '{"a":"中"}', "日本", '{"a":"日本"} and more', '{"a":"日本'])
def test_what_does_not_keep_to_the_schema_becomes_what_does(prompts, tokenizer, text: str) -> None:
    schema = {**ANY_TEXT, "properties": {"a": {"enum": ["日本", "😀"]}}}
    answer, _ = guided(prompts, tokenizer, text, schema, max_new_tokens=64)
    assert answer.ended
    assert json.loads(prompts.decode(answer.tokens))["a"] in ("日本", "😀")


@pytest.mark.parametrize("silence", ["\ue000 ", " ", "\n"])
def test_what_says_nothing_is_not_said_for_ever(prompts, tokenizer, silence: str) -> None:
    said, _ = guided(prompts, tokenizer, '{"a":' + silence * 80, {**ANY_TEXT, "properties": {"a": {"const": 1}}})
    assert said.ended
    assert json.loads(prompts.decode(said.tokens)) == {"a": 1}


def test_a_mark_never_stands_within_a_character(tmp_path) -> None:
    tokenizer = KINDS["byte-level"]()
    mark, space, first = (tokenizer.token_to_id(letter) for letter in ("î", "Ġ", "æ"))
    spelling = prompts_of(tokenizer, tmp_path).token_bytes
    assert spelling.behind([], b"", mark) == (b"", b"\xee")
    assert spelling.behind([first], b"", mark) is None
    assert spelling.behind([first, tokenizer.token_to_id("Ĺ")], b"", space) is None
    assert spelling.behind([first], b"", tokenizer.token_to_id("Ĺ")) == (b"\x97", b"")


def test_an_answer_cut_under_a_schema_is_not_finished(prompts, tokenizer) -> None:
    answer, tokens = guided(prompts, tokenizer, '{"a":"日本"}', ANY_TEXT, max_new_tokens=3)
    assert answer.tokens == tokens[:3]
    assert not answer.ended
    assert not answer.stuck


def test_the_end_is_the_likeliest_of_the_ends_where_nothing_else_may_come(tmp_path) -> None:
    tokenizer = byte_fallback()
    prompts = prompts_of(tokenizer, tmp_path)
    guide = SchemaGuide(checked_schema({"const": 1}), prompts, frozenset({1, 2}))
    one, other = (tokenizer.token_to_id(text) for text in "12")
    row = np.full(tokenizer.get_vocab_size(), -9, dtype=np.float32)
    assert guide.choose(row, one) == one
    row[2] = -8
    assert guide.choose(row, other) == 2


def test_where_no_token_can_say_what_must_come_the_answer_is_left_unfinished(tmp_path) -> None:
    tokenizer = whole_words()
    prompts = prompts_of(tokenizer, tmp_path)
    whole = {**ANY_TEXT, "properties": {"a": {"enum": ["日本"]}}}
    answer, _ = guided(prompts, tokenizer, '▁{"a":"日本"}', whole, end=1)
    assert (prompts.decode(answer.tokens), answer.ended, answer.stuck) == ('{"a":"日本"}', True, False)
    lacking = {**ANY_TEXT, "properties": {"a": {"enum": ["中"]}}}
    answer, _ = guided(prompts, tokenizer, '▁{"a":"日本"}', lacking, end=1)
    assert (prompts.decode(answer.tokens), answer.ended, answer.stuck) == ('{"a":"', False, True)
    assert answer.log_probabilities[-1] == -math.inf
    assert len(answer.log_probabilities) == len(answer.tokens) + 1
