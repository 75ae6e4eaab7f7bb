"""A file whose columns nobody has named yet is read as the pipeline will read it."""

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tasks.data.tables import read_table
from tasks.errors import UserError


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\nhow much; is it,price\nwhere is it,place\n"),
        ("a.csv", "text;label\nhow much, is it;price\nwhere, is it;place\n"),
        ("a.csv", "sep=|\ntext|label\nhow much, is it|price\nwhere; is it|place\n"),
        ("a.tsv", "text\tlabel\nhow much is it\tprice\nwhere is it\tplace\n"),
        ("a.csv", "\ufefftext,label\nhow much is it,price\nwhere is it,place\n"),
        ("a.jsonl", '{"text": "how much is it", "label": "price"}\n{"text": "where is it", "label": "place"}\n'),
        ("a.json", '[{"text": "how much is it", "label": "price"}, {"text": "where is it", "label": "place"}]'),
    ],
)
def test_columns_are_found_in_every_format(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    table = read_table(file)
    assert ([column.name for column in table.columns], table.rows) == (["text", "label"], 2)
    assert table.column("label").names == {"price": 1, "place": 1}


def test_compressed_and_parquet_files(tmp_path: Path) -> None:
    packed, parquet = tmp_path / "a.jsonl.gz", tmp_path / "a.parquet"
    rows = [{"text": f"row {n}", "label": n % 2, "more": None} for n in range(10)]
    packed.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), parquet)
    for file in (packed, parquet):
        table = read_table(file)
        assert [column.name for column in table.columns] == ["text", "label", "more"]
        assert table.column("label").names == {"0": 5, "1": 5}
        assert table.column("more").missing == 10


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "list.json").write_text("[1, 2]")
    for name, message in (
        ("missing.csv", "no such file"),
        (".", "is a folder"),
        ("empty.csv", "is empty"),
        ("list.json", "holds no JSON objects"),
    ):
        with pytest.raises(UserError, match=message):
            read_table(tmp_path / name)
    (tmp_path / "one.csv").write_text("text,label\na,b\n")
    with pytest.raises(UserError, match=r"has no column 'intent'; its columns are 'text', 'label'"):
        read_table(tmp_path / "one.csv").column("intent")
