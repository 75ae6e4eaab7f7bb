"""Data files as people have them, from the recipe to the snapshot: read right, quarantined with a reason, or one clear line."""

import datetime
import json
import random
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tasks.artifact import Workspace
from tasks.data.rows import SPLITS, read_row_file, split_file
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import resolve_sources
from tasks.errors import UserError
from tasks.recipe.data import DataConfig, PromptDataConfig
from tasks.records import SnapshotResult

WORDS = [f"word{number}" for number in range(300)]
TEXTS = [" ".join(random.Random(number).sample(WORDS, 6)) for number in range(60)]
LABELS = ["pay", "send"] * 30


def csv_text(labels: list[Any] = LABELS, delimiter: str = ",", header: str = "text,label") -> str:
    lines = [f'"{text}"{delimiter}{label}' for text, label in zip(TEXTS, labels, strict=True)]
    return "\n".join([header.replace(",", delimiter), *lines]) + "\n"


def jsonl(labels: list[Any], **more: Any) -> str:
    rows = [{"text": text, "label": label} | more for text, label in zip(TEXTS, labels, strict=True)]
    return "".join(json.dumps(row) + "\n" for row in rows)


def snapshot(folder: Path, file: str, **fields: Any) -> SnapshotResult:
    config = DataConfig.model_validate({"train": file, **fields})
    return taken(folder, config)


def taken(folder: Path, config: DataConfig | PromptDataConfig) -> SnapshotResult:
    sources = resolve_sources(config, recipe_file=folder / "recipe.yaml", home=folder / "home")
    out = folder / "out"
    out.mkdir()
    return take_snapshot(config, sources=sources, seed=0, workspace=Workspace(out, out))


@pytest.mark.parametrize(
    ("labels", "fields", "expected"),
    [
        (["001", "1"] * 30, {}, ("001", "1")),
        (["NA", "null", "nan"] * 20, {}, ("NA", "nan", "null")),
        (["2026-11-30", "2026-12-01"] * 30, {}, ("2026-11-30", "2026-12-01")),
        (["1.0", "2.0"] * 30, {}, ("1.0", "2.0")),
        (["cafe\u0301", "caf\u00e9", "tea"] * 20, {}, ("caf\u00e9", "tea")),
        (["True", "False", "x"] * 20, {"out_of_scope_label": "True"}, ("False", "x", "True")),
    ],
    ids=["leading zeros", "NA", "dates", "numbers", "NFC", "booleans of pandas"],
)
def test_labels_of_a_csv_are_kept_as_they_are_written(
    tmp_path: Path, labels: list[str], fields: dict[str, Any], expected: tuple[str, ...]
) -> None:
    (tmp_path / "rows.csv").write_text(csv_text(labels), "utf-8")
    assert snapshot(tmp_path, "rows.csv", **fields).labels == expected


@pytest.mark.parametrize(
    ("labels", "outside", "expected"),
    [
        ([True, False, "x"] * 20, True, ("false", "x", "true")),
        ([1.0, 2.0, 4.0] * 20, 4, ("1", "2", "4")),
        ([1, 2, 4] * 20, 4.0, ("1", "2", "4")),
        ([{"choices": ["a"]}, "b", "oos"] * 20, " oos ", ("a", "b", "oos")),
    ],
)
def test_the_out_of_scope_label_is_read_as_the_rows_labels_are(
    tmp_path: Path, labels: list[Any], outside: object, expected: tuple[str, ...]
) -> None:
    (tmp_path / "rows.jsonl").write_text(jsonl(labels))
    result = snapshot(tmp_path, "rows.jsonl", out_of_scope_label=outside)
    assert result.labels == expected
    assert sum(result.out_of_scope_rows.values()) == 20


@pytest.mark.parametrize(
    ("name", "content", "fields", "expected"),
    [
        ("rows.csv", csv_text(header="Text,Label"), {}, "rows.csv: has no column 'text'; its columns are 'Text', 'Label'; did"),
        ("rows.csv", "text\n" + "\n".join(TEXTS), {}, "rows.csv: has no column 'label'; its columns are 'text'"),
        ("rows.csv", csv_text(delimiter=";"), {"delimiter": ","}, "but by ';' 'text', 'label'; let data.delimiter say that"),
        ("rows.xlsx", "PK\x03\x04", {}, "data.train: rows.xlsx is not in a known format"),
        ("rows.csv", "PK\x03\x04", {}, "rows.csv: is a ZIP archive or an Excel workbook, whatever its name says"),
        ("rows.jsonl", jsonl([["a", "b"]] * 60), {}, "60 × label is a list of labels; this task family takes one class a row"),
        ("rows.jsonl", jsonl([["a", "b"]] * 60), {}, "(first: rows.jsonl line 1, \"['a', 'b']\")"),
        ("rows.jsonl", jsonl(LABELS).replace('"}', '"},'), {}, "60 × row is broken JSON (Extra data)"),
        ("rows.jsonl", jsonl([f"l{n}" for n in range(60)]), {}, "has 1 training row (and 59 more labels like it)"),
        ("rows.csv", csv_text(), {"out_of_scope_label": "Pay"}, "no row has the label 'Pay', but 'pay' is there"),
        ("rows.json", json.dumps({"data": []}, indent=1), {}, "holds one JSON object that goes over several lines"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line_with_the_way_out(
    tmp_path: Path, name: str, content: str, fields: dict[str, Any], expected: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(UserError) as caught:
        snapshot(tmp_path, name, **fields)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pyarrow.array([datetime.date(2026, 1, 1)] * 60), "label is a date or time; write it as text"),
        (
            pyarrow.array([2**31 - 1] * 60, pyarrow.int32()).cast(pyarrow.date32()),
            "row holds a value that cannot be read",
        ),
        (pyarrow.array([{"a": 1}] * 60), "label is an object, not a name"),
        (pyarrow.array([["a"]] * 60), "label is a list of labels"),
        (pyarrow.array([b"a"] * 60), "label is bytes, not text"),
    ],
)
def test_parquet_columns_that_are_no_labels_say_what_they_are(
    tmp_path: Path, column: pyarrow.Array, expected: str
) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS, "label": column}), tmp_path / "rows.parquet")
    with pytest.raises(UserError, match=r"rows\.parquet: 60 of 60 train rows") as caught:
        snapshot(tmp_path, "rows.parquet")
    assert expected in str(caught.value)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_prompts_and_completions_come_out_of_a_csv_as_they_are_written(tmp_path: Path, delimiter: str) -> None:
    calls = [f' {{"id": "00{n}", "text": "a; b, \t{n}"}}\n' for n in range(60)]
    lines = [
        f'"{text}"{delimiter}"{call.replace(chr(34), chr(34) * 2)}"' for text, call in zip(TEXTS, calls, strict=True)
    ]
    content = "\ufeff" + "\r\n".join([f"prompt{delimiter}completion", *lines])
    (tmp_path / "rows.csv").write_bytes(content.encode())
    result = taken(tmp_path, PromptDataConfig(train=("rows.csv",)))
    rows = [row for split in SPLITS for row in read_row_file(split_file(tmp_path / "out", split))]
    assert {row.text: row.label for row in rows} == dict(zip(TEXTS, calls, strict=True))
    assert sum(result.rows.values()) == 60


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ({"function": "pay"}, "not a string, but an object (first: rows.jsonl line 1, \"{'function': 'pay'}\")"),
        (True, "60 × completion is not a string, but true or false (first: rows.jsonl line 1, 'True')"),
        ([{"role": "assistant"}], "60 × completion is not a string, but a list"),
        (None, "60 × column 'completion' is missing or null"),
    ],
)  # fmt: skip
def test_completions_that_are_no_text_are_shown(tmp_path: Path, completion: object, expected: str) -> None:
    rows = [{"prompt": text, "completion": completion} for text in TEXTS]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError) as caught:
        taken(tmp_path, PromptDataConfig(train=("rows.jsonl",)))
    assert expected in str(caught.value)
