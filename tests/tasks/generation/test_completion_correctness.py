"""What counts as a correct completion."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.generation.strict_json import is_json
from tasks.generation.correctness import is_correct, normal_form

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


@given(VALUES, VALUES)
def test_equality_is_that_of_the_values(one: object, other: object) -> None:
    assert is_correct("json", json.dumps(one), json.dumps(one, indent=1, sort_keys=True))
    if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True) and one != other:
        assert not is_correct("json", json.dumps(one), json.dumps(other))


@given(VALUES, VALUES)
def test_the_normal_form_is_the_same_where_the_values_are(one: object, other: object) -> None:
    first, second = json.dumps(one), json.dumps(other, indent=1)
    assert (normal_form("json", first) == normal_form("json", second)) == is_correct("json", first, second)


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
