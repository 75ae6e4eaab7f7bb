"""JSON as people have it: arrays whatever the file is called, objects over several lines, other line ends, compressed."""

import gzip
import json
from pathlib import Path

import pytest

from tasks.data.json_files import NOT_AN_OBJECT
from tasks.data.raw import NOT_UTF8, RawRecord
from tasks.data.readers import read_records
from tasks.errors import UserError

ROWS = [{"text": "a", "label": "x"}, {"text": "b, ]", "label": 2, "more": [1, {"c": "]"}]}]


def read(folder: Path, content: bytes, name: str = "rows.json") -> list[RawRecord]:
    (folder / name).write_bytes(content)
    return list(read_records(folder / name, "jsonl", ("text", "label"), location=name))


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n \n"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_an_array_is_read_element_by_element_and_rows_are_counted(
    tmp_path: Path, indent: int | None, before: str, name: str
) -> None:
    records = read(tmp_path, (before + json.dumps(ROWS, indent=indent)).encode(), name)
    assert records == [
        RawRecord(1, {"text": "a", "label": "x"}, unit="row"),
        RawRecord(2, {"text": "b, ]", "label": 2}, unit="row"),
    ]


def test_elements_that_are_no_rows_cost_only_themselves(tmp_path: Path) -> None:
    content = '[{"text": "a", "label": "x"}, 7, {"text": "caf\u00e9", "label": "x"}]'.encode("latin-1")
    assert [record.reason for record in read(tmp_path, content)] == [None, NOT_AN_OBJECT, NOT_UTF8]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'[\n{"text": "a", "label": "x"},\n{"text": }]',
            "line 3, at row 2: its JSON array is broken (Expecting value)",
        ),
        (
            b'[{"text": "a", "label": "x"}\n{"text": "b"}]',
            "line 2, at row 1: its JSON array is broken (Expecting ',' delimiter)",
        ),
        (
            b'[{"text": "a", "label": "x"}]\n{"text": "b"}',
            "line 1, at row 1: its JSON array is broken (more follows the array)",
        ),
        (b'[{"text": "a", "label": "x"},', "line 1, at row 2: its JSON array is broken (Expecting value)"),
        (b'[{"text": "a", "label": "x"},]', "line 1, at row 2: its JSON array is broken (Expecting value)"),
        (b"[]", "is empty: it holds no rows"),
        (b'{\n "data": []\n}', "holds one JSON object that goes over several lines"),
        (b'[{"texts": "a", "label": "x"}]', "has no column 'text'; its columns are 'texts', 'label'"),
    ],
)
def test_an_array_that_is_broken_or_holds_nothing_is_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    assert f"rows.json: {expected}" in refusal(tmp_path, content)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_any_way(tmp_path: Path, end: bytes) -> None:
    records = read(tmp_path, end.join(json.dumps(row).encode() for row in ROWS), "rows.jsonl")
    assert [record.number for record in records] == [1, 2]


def test_an_escaped_lone_surrogate_is_the_texts_fault_and_not_the_encodings(tmp_path: Path) -> None:
    (record,) = read(tmp_path, b'{"text": "\\udce9", "label": "x"}')
    assert record.reason is None


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.jsonl"])
def test_what_is_compressed_is_unpacked_whatever_its_name(tmp_path: Path, name: str) -> None:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
    assert len(read(tmp_path, gzip.compress(lines), name)) == 2
    assert len(read(tmp_path, gzip.compress(json.dumps(ROWS).encode()), name)) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (gzip.compress(b"x" * 4000, mtime=0)[:-9], "is compressed and broken or cut off"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "is compressed and broken or cut off"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "is compressed twice"),
        (b"PK\x03\x04rest", "is a ZIP archive or an Excel workbook"),
        (b"PAR1rest", "is a Parquet file; give it the suffix .parquet"),
        ("text,label\n".encode("utf-16-le"), "is UTF-16"),
        (b"SQLite format 3\x00", "is a SQLite database"),
    ],
)
def test_what_is_no_text_is_told_by_what_it_is(tmp_path: Path, content: bytes, expected: str) -> None:
    for file_format in ("jsonl", "csv"):
        (tmp_path / "rows").write_bytes(content)
        with pytest.raises(UserError, match="rows: ") as caught:
            list(read_records(tmp_path / "rows", file_format, ("text",), location="rows"))
        assert expected in str(caught.value)
