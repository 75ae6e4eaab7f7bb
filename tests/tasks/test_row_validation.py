"""Which records become rows, why others do not, and when a run is refused."""

import json
from pathlib import Path

import pytest

from tasks.data.raw import RawRecord
from tasks.data.rows import Row
from tasks.data.validation import Placed, Rejected, check_record, refuse_too_many, write_quarantine
from tasks.errors import UserError
from tasks.recipe.data import DataConfig

CONFIG = DataConfig(train=("t.jsonl",), max_characters=100)
WITH_SLICE = DataConfig(train=("t.jsonl",), slice_column="domain")


def check(values: dict[str, object], config: DataConfig = CONFIG) -> Placed | Rejected:
    return check_record(RawRecord(7, values), config, role="train", source="t.jsonl")


def test_a_good_record_becomes_a_row_with_its_place() -> None:
    assert check({"text": " Hello ", "label": "greet"}) == Placed(Row(" Hello ", "greet", None), "train", "t.jsonl", 7)


def test_whole_numbers_are_labels_and_names_lose_their_margins() -> None:
    checked = check({"text": "a", "label": 3, "domain": " bank "}, WITH_SLICE)
    assert isinstance(checked, Placed)
    assert checked.row == Row("a", "3", "bank")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"label": "x"}, "column 'text' is missing or null"),
        ({"text": "a", "label": None}, "column 'label' is missing or null"),
        ({"text": 5, "label": "x"}, "text is not a string, but a number"),
        ({"text": True, "label": "x"}, "text is not a string, but true or false"),
        ({"text": {"role": "user"}, "label": "x"}, "text is not a string, but an object"),
        ({"text": b"a", "label": "x"}, "text is not a string, but bytes"),
        ({"text": "", "label": "x"}, "text is empty"),
        ({"text": " \t\n\u200b", "label": "x"}, "text holds nothing but white space"),
        ({"text": "a" * 101, "label": "x"}, "text is longer than data.max_characters = 100"),
        ({"text": "a\0b", "label": "x"}, "text contains NUL"),
        ({"text": "a\ud83d", "label": "x"}, "text contains a lone surrogate"),
        ({"text": "a", "label": float("nan")}, "column 'label' is missing or null"),
        ({"text": "a", "label": ["x"]}, "label is a list of labels; this task family takes one class a row"),
        ({"text": "a", "label": "  "}, "label is empty"),
        ({"text": "a", "label": "x\ny"}, "label contains line breaks or control characters"),
        ({"text": "a", "label": "x\u2028y"}, "label contains line breaks or control characters"),
        ({"text": "a", "label": "\udc00"}, "label contains line breaks or control characters"),
        ({"text": "a", "label": "x" * 201}, "label is longer than 200 characters"),
    ],
)
def test_each_fault_has_its_reason(values: dict[str, object], reason: str) -> None:
    checked = check(values)
    assert isinstance(checked, Rejected)
    assert checked.reason == reason


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        (None, "column 'domain' is missing or null"),
        ("", "slice (column 'domain') is empty"),
        (1.5, "slice (column 'domain') is a number with a fraction"),
    ],
)
def test_a_slice_that_the_recipe_names_is_required(domain: object, reason: str) -> None:
    checked = check({"text": "a", "label": "x", "domain": domain}, WITH_SLICE)
    assert isinstance(checked, Rejected)
    assert checked.reason.startswith(reason)


@pytest.mark.parametrize(
    ("values", "excerpt"),
    [
        ({"text": "hello", "label": 1.5}, "1.5"),
        ({"text": "hello", "label": ["a", "b"]}, "['a', 'b']"),
        ({"text": 7, "label": "x"}, "7"),
        ({"text": "hello", "label": None}, "{'text': 'hello', 'label': None}"),
        ({"text": "hello", "label": " "}, "{'text': 'hello', 'label': ' '}"),
    ],
)
def test_the_value_at_fault_is_shown_and_of_a_missing_one_the_record(values: dict[str, object], excerpt: str) -> None:
    checked = check(values)
    assert isinstance(checked, Rejected)
    assert checked.excerpt == excerpt


def test_a_column_with_a_name_of_its_own_is_named() -> None:
    config = DataConfig(train=("t.jsonl",), text_column="utterance", label_column="intent")
    checked = check({"utterance": "a", "intent": 0.5}, config)
    assert isinstance(checked, Rejected)
    assert checked.reason.startswith("label (column 'intent') is a number with a fraction")
    assert checked.fault.endswith(": '0.5'")


def test_how_a_name_was_read_is_kept_with_the_row() -> None:
    checked = check({"text": "a", "label": True, "domain": 3.0}, WITH_SLICE)
    assert isinstance(checked, Placed)
    assert checked.row == Row("a", "true", "3")
    assert checked.readings == ("label: true or false", "slice: whole numbers written with a fraction")


def test_what_the_reader_could_not_read_is_rejected_with_its_reason() -> None:
    record = RawRecord(4, {}, "is broken JSON", '{"text": ')
    checked = check_record(record, CONFIG, role="test", source="t.jsonl")
    assert checked == Rejected("test", "t.jsonl", 4, "row is broken JSON", '{"text": ')


def rejected(count: int, role: str = "train", reason: str = "text is empty", text: str = "") -> list[Rejected]:
    return [Rejected(role, f"{role}.jsonl", number, reason, text) for number in range(1, count + 1)]


def test_a_run_is_refused_above_the_share_and_not_at_it() -> None:
    sources = {"train": ["train.jsonl"]}
    refuse_too_many(rejected(2), {"train": 100}, sources, limit=0.02)
    with pytest.raises(UserError) as caught:
        refuse_too_many(
            rejected(2) + rejected(1, reason="row is broken JSON", text="{\n"), {"train": 100}, sources, limit=0.02
        )
    assert str(caught.value) == (
        "train.jsonl: 3 of 100 train rows (3.0%) cannot be used, more than data.max_quarantined_share = 2.0% allows: "
        "2 × text is empty (first: train.jsonl line 1); 1 × row is broken JSON (first: train.jsonl line 1, '{\\n')"
    )


def test_bad_rows_of_a_small_test_file_do_not_hide_behind_a_large_training_file() -> None:
    with pytest.raises(UserError, match="5 of 10 test rows"):
        refuse_too_many(rejected(5, "test"), {"train": 10_000, "test": 10}, {"train": ["a"], "test": ["b"]}, limit=0.02)


def test_a_share_of_zero_refuses_the_first_bad_row() -> None:
    with pytest.raises(UserError):
        refuse_too_many(rejected(1), {"train": 1_000_000}, {"train": ["a"]}, limit=0.0)


def test_long_and_unprintable_texts_stay_short_in_message_and_quarantine(tmp_path: Path) -> None:
    text = "\x1b[31m\ud83d" + "x" * 10_000_000
    checked = check({"text": text, "label": "x"})
    assert isinstance(checked, Rejected)
    with pytest.raises(UserError) as caught:
        refuse_too_many([checked], {"train": 1}, {"train": ["t.jsonl"]}, limit=0.02)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    write_quarantine(tmp_path / "quarantine.jsonl", [checked])
    (line,) = (tmp_path / "quarantine.jsonl").read_bytes().splitlines()
    assert len(line) < 500
    entry = json.loads(line)
    assert list(entry) == ["source", "row", "reason", "excerpt"]
    assert entry["excerpt"] == text[:200]
