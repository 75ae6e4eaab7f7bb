"""What counts as a correct completion."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answer_json import is_json
from tasks.data.completions import is_correct, normal_form

CALL = '{"function":"transfer","arguments":{"amount":{"value":12,"currency":"EUR"},"to":["Ann","Bo"],"now":true}}'

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "answer",
    [
        CALL,
        json.dumps(json.loads(CALL), indent=2),
        '{"arguments":{"now":true,"to":["Ann","Bo"],"amount":{"currency":"EUR","value":12.0}},"function":"transfer"}',
    ],
)
def test_spacing_order_of_keys_and_the_way_a_number_is_written_do_not_count(answer: str) -> None:
    assert is_correct("json", CALL, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        CALL[:-1],
        CALL + "}",
        CALL.replace("12", "13"),
        CALL.replace("12", '"12"'),
        CALL.replace("true", "1"),
        CALL.replace('["Ann","Bo"]', '["Bo","Ann"]'),
        CALL.replace('"Ann"', '"ann"'),
        CALL.replace(',"now":true', ""),
        CALL.replace('"now":true', '"now":true,"now":true'),
        CALL.replace("12", "NaN"),
        "[" * 100_000,
    ],
)
def test_anything_else_is_wrong(answer: str) -> None:
    assert not is_correct("json", CALL, answer)


def test_null_is_a_value() -> None:
    assert is_correct("json", "null", " null ")
    assert not is_correct("json", "null", "nothing")


def test_numbers_are_compared_by_value_however_large() -> None:
    assert is_correct("json", "0.1", "0.10")
    assert not is_correct("json", "1e400", "1e401")
    assert not is_correct("json", "0.1", "0.10000000000000001")
    assert not is_json("1e" + "9" * 30)


def test_a_gold_completion_that_is_no_json_is_compared_as_text() -> None:
    assert is_correct("json", "I cannot do that.", "I cannot do that.\n")
    assert not is_correct("json", "I cannot do that.", "I can not do that.")


def test_exact_is_by_character() -> None:
    assert is_correct("exact", '{"a": 1}', ' {"a": 1}\n')
    assert not is_correct("exact", '{"a": 1}', '{"a":1}')


COMPOSED, DECOMPOSED = "Zo\u00eb caf\u00e9", "Zoe\u0308 cafe\u0301"


@pytest.mark.parametrize(
    ("kind", "gold", "answer"),
    [
        ("exact", DECOMPOSED, COMPOSED),
        ("json", DECOMPOSED, COMPOSED),
        ("json", json.dumps({"name": DECOMPOSED}), json.dumps({"name": COMPOSED}, ensure_ascii=False)),
        ("json", json.dumps({DECOMPOSED: [COMPOSED]}), json.dumps({COMPOSED: [DECOMPOSED]})),
    ],
)
def test_the_way_a_character_is_composed_does_not_count(kind: str, gold: str, answer: str) -> None:
    assert is_correct(kind, gold, answer)
    assert is_correct(kind, answer, gold)
    assert normal_form(kind, gold) == normal_form(kind, answer)


def test_compatible_characters_are_others_all_the_same() -> None:
    assert not is_correct("exact", "x²", "x2")
    assert not is_correct("json", '"ﬁ"', '"fi"')


def test_two_spellings_of_one_key_are_a_key_said_twice() -> None:
    assert not is_json(json.dumps({DECOMPOSED: 1, COMPOSED: 1}))


def test_an_answer_nested_too_deep_to_compare_is_text() -> None:
    deep = "[" * 900 + "]" * 900
    assert is_correct("json", deep, f" {deep}")
    assert not is_correct("json", deep, "[" + deep + "]")


@given(VALUES, VALUES)
def test_equality_is_that_of_the_values(one: object, other: object) -> None:
    assert is_correct("json", json.dumps(one), json.dumps(one, indent=1, sort_keys=True))
    if composed(one) != composed(other):
        assert not is_correct("json", json.dumps(one), json.dumps(other))


def composed(value: object) -> str:
    """The value with all of its characters composed, 1 and 1.0 alike."""
    return unicodedata.normalize("NFC", json.dumps(as_floats(value), sort_keys=True, ensure_ascii=False))


def as_floats(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_floats(held) for key, held in value.items()}
    if isinstance(value, list):
        return [as_floats(held) for held in value]
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else value  # as numbers of JSON: 1 is 1.0, 0 is -0


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "1.0"), ("10", "1e1"), ("0", "-0.0"), ("-12300", "-1.23e4"), ('{"a":1,"b":[]}', '{ "b": [], "a": 1.00 }')],
)
def test_the_normal_form_of_equal_numbers_is_the_same(first: str, second: str) -> None:
    assert is_correct("json", first, second)
    assert normal_form("json", first) == normal_form("json", second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "true"), ("0", "false"), ("1" + "0" * 40, "1" + "0" * 39 + "1"), ("1", '"1"'), ("0", '{"":0}')],
)
def test_the_normal_form_of_other_values_is_another(first: str, second: str) -> None:
    assert not is_correct("json", first, second)
    assert normal_form("json", first) != normal_form("json", second)
