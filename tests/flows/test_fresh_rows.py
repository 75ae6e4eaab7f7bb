"""The rows that `miaotui recalibrate` is given: distinct, labelled or not, and the first bad one named."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.bundle import FORMAT, Manifest, write_manifest
from flows import recalibration
from flows.fresh_rows import named_columns, read_fresh_rows
from flows.inbox.rows import Columns
from tasks.data.rows import UNLABELLED
from tasks.errors import UserError
from tests.flows.command_errors import fails_with

pytestmark = pytest.mark.usefixtures("own_home")


def test_recalibrate_reads_distinct_rows_with_and_without_labels_and_names_the_first_bad_one(tmp_path: Path) -> None:
    file, labels = tmp_path / "rows.jsonl", tmp_path / "labels.jsonl"
    rows = [("a", "x"), ("b", None), ("a", "x"), ("c", "x"), ("c", "y"), ("d", ""), ("d", "y"), ("e", None)]
    file.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    labels.write_text('{"text": "e", "label": "z"}\n{"text": "f"}\n')
    usual = Columns()
    read = read_fresh_rows([file, labels], usual, usual, form=str)
    assert sorted((row.text, row.label) for row in read) == [  # c contradicts itself
        ("a", "x"),
        ("b", UNLABELLED),
        ("d", "y"),
        ("e", "z"),
        ("f", UNLABELLED),
    ]
    with pytest.raises(UserError, match="has no column 'intent'"):
        read_fresh_rows([labels], named_columns(usual, None, "intent"), usual, form=str)
    file.write_text('{"text": "a", "label": "x"}\n{"text": "b", "label": ["y"]}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl.*2.*label"):
        read_fresh_rows([file], usual, usual, form=str)


def test_recalibrate_reads_any_delimiter_and_says_what_it_left_out(tmp_path: Path) -> None:
    file, usual, said = tmp_path / "rows.csv", Columns(), []
    file.write_text("\ufefftext;label\r\na;x\r\na;x\r\nb;y\r\nb;z\r\n", encoding="utf-8")
    assert [row.text for row in read_fresh_rows([file], usual, usual, form=str, tell=said.append)] == ["a"]
    assert said == ["4 rows were read; left out: 1 repeated, 2 contradicting"]
    file.write_text("text^label\na;^x\n")
    (row,) = read_fresh_rows([file], named_columns(usual, None, None, "^"), usual, form=str)
    assert (row.text, row.label) == ("a;", "x")
    numbers = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": [1.0, float("nan")]}), numbers)
    said.clear()
    read = read_fresh_rows([numbers], usual, usual, form=str, tell=said.append)
    assert {row.text: row.label for row in read} == {"a": "1", "b": UNLABELLED}
    assert said == ["taken as it is meant, not as it is written: 1 × label: whole numbers written with a fraction"]
    file.write_text('{"text": "a", "label": 1.5}\n')
    with pytest.raises(UserError, match=r"rows.jsonl line 1: label is a number with a fraction.*: '1\.5'"):
        read_fresh_rows([file.rename(tmp_path / "rows.jsonl")], usual, usual, form=str)


def test_recalibrate_reads_prompts_and_completions_where_the_bundle_writes_completions(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle, file = tmp_path / "bundle", tmp_path / "rows.jsonl"
    bundle.mkdir()
    write_manifest(bundle, Manifest(FORMAT, "calls", (), None, 128, (), {}, "", {}, task="text-generation"))
    file.write_text('{"prompt": "a", "completion": " {}\\n"}\n{"prompt": "b", "completion": null}\n{"prompt": "c"}\n')
    read = {row.text: row.label for row in recalibration.fresh_rows(bundle, [file])}
    assert read == {"a": " {}\n", "b": UNLABELLED, "c": UNLABELLED}  # a completion is kept as it is written
    with pytest.raises(UserError, match="has no column 'call'"):
        recalibration.fresh_rows(bundle, [file], label_column="call")
    file.write_text('{"text": "a", "label": "x"}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl.*has no column 'prompt'"):
        recalibration.fresh_rows(bundle, [file])
    file.write_text('{"prompt": "a", "completion": "x"}\n{"prompt": "b", "completion": {"function": "pay"}}\n')
    said = fails_with(capfd, "recalibrate", str(bundle), "--data", str(file))
    assert "rows.jsonl line 2: completion is not a string" in said


def test_recalibrate_refuses_a_folder_that_is_no_bundle(
    tmp_path: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "x"}\n')
    (tmp_path / "no-bundle").mkdir()
    assert "manifest.json" in fails_with(capfd, "recalibrate", str(tmp_path / "no-bundle"), "--data", str(file))
