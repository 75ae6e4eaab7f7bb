"""What can be the name of a class, and how a value that says it otherwise is read."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.labels import (
    ONE_CHOICE,
    SPELLING,
    TRUTH,
    WHOLE_NUMBER,
    Name,
    NotANameError,
    alike,
    is_missing,
    name_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("refund", Name("refund")),
        (" refund ", Name("refund")),
        ("001", Name("001")),
        ("1.0", Name("1.0")),
        ("NA", Name("NA")),
        ("null", Name("null")),
        ("nan", Name("nan")),
        ("True", Name("True")),
        ("a/b: c", Name("a/b: c")),
        ("[greeting]", Name("[greeting]")),
        ("{slot}", Name("{slot}")),
        ("2026-11-30", Name("2026-11-30")),
        (7, Name("7")),
        (-7.0, Name("-7", WHOLE_NUMBER)),
        (Decimal("3.00"), Name("3", WHOLE_NUMBER)),
        (True, Name("true", TRUTH)),
        (False, Name("false", TRUTH)),
        ({"choices": ["refund"]}, Name("refund", ONE_CHOICE)),
        ('{"choices": ["refund"]}', Name("refund", ONE_CHOICE)),
        ("cafe\u0301", Name("caf\u00e9", SPELLING)),
    ],
)
def test_a_value_is_a_name_and_how_it_was_read_is_said(value: object, expected: Name) -> None:
    assert name_of(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (["a"], "is a list of labels; this task family takes one class a row"),
        ('["a", "b"]', "is a list of labels"),
        ("['a', 'b']", "is a list of labels"),
        ({"choices": ["a", "b"]}, "has 2 choices; this task family takes one class a row"),
        ('{"choices": ["a", "b"]}', "has 2 choices"),
        ({"choices": []}, "has no choice"),
        ({"start": 1}, "is an object, not a name"),
        (1.5, "is a number with a fraction"),
        (float("inf"), "is not a finite number"),
        (Decimal("NaN"), "is not a finite number"),
        (b"a", "is bytes, not text"),
        (datetime.date(2026, 11, 30), "is a date or time; write it as text"),
        (datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC), "is a date or time"),
        (datetime.timedelta(1), "is of the type timedelta, neither text nor a whole number"),
        ("", "is empty"),
        ("a\nb", "contains line breaks or control characters"),
        ({"choices": ["a\tb"]}, "contains line breaks or control characters"),
        ("x" * 201, "is longer than 200 characters"),
    ],
)
def test_what_is_no_name_has_a_reason(value: object, reason: str) -> None:
    with pytest.raises(NotANameError, match="^" + reason.replace("(", r"\(")):
        name_of(value)


@settings(deadline=None)
@given(
    value=st.one_of(st.text(), st.floats(), st.integers(), st.recursive(st.none() | st.text(), st.lists), st.binary())
)
def test_any_value_is_missing_a_name_or_has_a_reason_and_a_name_stays_itself(value: object) -> None:
    if is_missing(value):
        return
    try:
        name = name_of(value)
    except NotANameError:
        return
    assert name_of(name.text) == Name(name.text)


def test_labels_that_differ_in_case_or_white_space_are_grouped() -> None:
    assert alike(["Refund", "refund", "lost  card", "lost card", "other"]) == [
        ["Refund", "refund"],
        ["lost  card", "lost card"],
    ]
