"""Reading .jsonl, .csv and .parquet: what one bad record costs, and what makes a whole file useless."""

import csv
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.csv_files import ragged
from tasks.data.json_files import BROKEN_JSON, KEY_TWICE, NOT_AN_OBJECT
from tasks.data.parquet_files import OUT_OF_RANGE
from tasks.data.raw import NOT_UTF8, RawRecord
from tasks.data.readers import format_of, read_records
from tasks.errors import UserError

COLUMNS = ("text", "label")


def read(path: Path, columns: tuple[str, ...] = COLUMNS) -> list[RawRecord]:
    file_format = format_of(path)
    assert file_format is not None
    return list(read_records(path, file_format, columns, location=path.name))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_jsonl_gives_line_numbers_and_skips_blank_lines_and_the_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"text": "a", "label": "x", "more": 1}\r\n\n  \n{"text": "b\\u2028c", "label": 2}')
    assert read(file) == [RawRecord(1, {"text": "a", "label": "x"}), RawRecord(4, {"text": "b\u2028c", "label": 2})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a", "label"', f"{BROKEN_JSON} (Expecting ':' delimiter)"),
        (b'{"text": "a", "label": "x"},', f"{BROKEN_JSON} (Extra data)"),
        (b"[" * 200_000, f"{BROKEN_JSON} (nested too deeply)"),
        (b'{"text": ' + b"9" * 5000 + b"}", f"{BROKEN_JSON} (a number with too many digits)"),
        (b'{"text": "a", "text": "b", "label": "x"}', KEY_TWICE),
        (b'["a", "x"]', NOT_AN_OBJECT),
        ('{"text": "caf\u00e9", "label": "x"}'.encode("latin-1"), NOT_UTF8),
    ],
)
def test_a_bad_jsonl_line_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    file = tmp_path / "rows.jsonl"
    good = b'{"text": "a", "label": "x"}\n'
    file.write_bytes(good + line + b"\n" + good)
    before, bad, after = read(file)
    assert (before.reason, after.reason) == (None, None)
    assert (bad.number, bad.reason) == (2, reason)
    assert 0 < len(bad.excerpt) <= 200


def test_a_column_that_some_lines_lack_is_theirs_to_answer_for(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a"}\n{"text": "b", "label": "x"}\n')
    assert [dict(record.values) for record in read(file)] == [{"text": "a"}, {"text": "b", "label": "x"}]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_missing_column_is_named_with_the_columns_there_are(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"rows.{suffix}"
    table = {"text": ["a", "b"], "lable": ["x", "y"]}
    if suffix == "jsonl":
        file.write_text(
            "".join(json.dumps({"text": t, "lable": y}) + "\n" for t, y in zip(*table.values(), strict=True))
        )
    elif suffix == "csv":
        file.write_text("text,lable\na,x\n")
    else:
        pyarrow.parquet.write_table(pyarrow.table(table), file)
    message = refusal(file)
    assert message == f"rows.{suffix}: has no column 'label'; its columns are 'text', 'lable'; did you mean 'lable'?"


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_an_empty_file_is_refused(tmp_path: Path, suffix: str, content: str) -> None:
    file = tmp_path / f"rows.{suffix}"
    file.write_text(content, "utf-8")
    assert "rows" in refusal(file)


def test_files_with_a_header_and_no_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\n")
    pyarrow.parquet.write_table(
        pyarrow.table({"text": pyarrow.array([], "string"), "label": []}), tmp_path / "rows.parquet"
    )
    assert "is empty" in refusal(tmp_path / "rows.csv")
    assert "is empty" in refusal(tmp_path / "rows.parquet")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_utf16_files_are_refused_by_name(tmp_path: Path, suffix: str, encoding: str) -> None:
    file = tmp_path / f"rows.{suffix}"
    file.write_bytes("text,label\na,x\n".encode(encoding))
    assert refusal(file) == f"rows.{suffix}: is UTF-16 or UTF-32; save it as UTF-8 (in Excel: CSV UTF-8)"


def test_csv_keeps_quoted_commas_and_line_breaks_and_counts_physical_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('\ufefflabel, text ,more\nx,"a, b",1\n\ny,"two\nlines",2\nz,c,3\n', "utf-8")
    assert [(record.number, record.values["text"], record.values["label"]) for record in read(file)] == [
        (2, "a, b", "x"),
        (4, "two\nlines", "y"),
        (6, "c", "z"),
    ]


def test_bad_csv_rows_cost_only_themselves(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'text,label\na,x\nb\nc,x,more\ncaf\xe9,x\n"d"d,x\ne,x\n')
    records = read(file)
    assert [(record.number, record.reason) for record in records] == [
        (2, None),
        (3, ragged(1, 2)),
        (4, ragged(3, 2)),
        (5, NOT_UTF8),
        (6, "is broken CSV (',' expected after '\"')"),
        (7, None),
    ]


def test_a_quotation_mark_that_is_never_closed_refuses_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('text,label\na,x\n"b,x\nc,x\nd,x\n')
    assert refusal(file) == "rows.csv: line 3: a quotation mark is opened and never closed"


def test_a_column_named_twice_refuses_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label,text\na,x,b\n")
    assert "names the column 'text' more than once" in refusal(tmp_path / "rows.csv")


def test_a_10_mb_field_is_read_and_the_csv_limit_is_put_back(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    (tmp_path / "rows.csv").write_text(f'text,label\n"{"x" * 10_000_000}",x\n')
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "x" * 10_000_000, "label": "x"}) + "\n")
    for suffix in ("csv", "jsonl"):
        (record,) = read(tmp_path / f"rows.{suffix}")
        assert len(str(record.values["text"])) == 10_000_000
    assert csv.field_size_limit() == limit


def test_parquet_rows_are_counted_from_one_and_bad_bytes_are_a_reason(tmp_path: Path) -> None:
    text = pyarrow.Array.from_buffers(
        pyarrow.string(),
        2,
        [None, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0"), pyarrow.py_buffer(b"a\xff\xfe")],
    )
    pyarrow.parquet.write_table(pyarrow.table({"text": text, "label": [1, None]}), tmp_path / "rows.parquet")
    first, second = read(tmp_path / "rows.parquet")
    assert first == RawRecord(1, {"text": "a", "label": 1}, unit="row")
    assert (second.number, second.reason) == (2, NOT_UTF8)


def test_dates_that_python_cannot_hold_cost_only_their_row(tmp_path: Path) -> None:
    days = pyarrow.array([20_000, 2**31 - 1], pyarrow.int32()).cast(pyarrow.date32())
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": days}), tmp_path / "rows.parquet")
    first, second = read(tmp_path / "rows.parquet")
    assert first.reason is None
    assert (second.number, second.reason) == (2, OUT_OF_RANGE)


def test_a_column_named_twice_refuses_a_parquet_file(tmp_path: Path) -> None:
    columns = [pyarrow.array([each]) for each in ("a", "b", "x")]
    table = pyarrow.Table.from_arrays(columns, names=["text", "text", "label"])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert refusal(tmp_path / "rows.parquet") == "rows.parquet: names the column 'text' more than once"


def test_parquet_columns_of_any_string_and_integer_type_are_read(tmp_path: Path) -> None:
    types = {"text": pyarrow.large_string(), "label": pyarrow.int8()}
    table = pyarrow.table(
        {
            "text": pyarrow.array(["a"], types["text"]),
            "label": pyarrow.array([1], types["label"]),
            "a.b": pyarrow.array(["x"]).dictionary_encode(),
            "a": pyarrow.array([{"b": 1}]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    (record,) = read(tmp_path / "rows.parquet", ("text", "label", "a.b"))
    assert dict(record.values) == {"text": "a", "label": 1, "a.b": "x"}


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("text,label\n")
    assert "rows.parquet: is not a readable Parquet file" in refusal(tmp_path / "rows.parquet")


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"] * 1000, "label": ["x"] * 1000}), file)
    file.write_bytes(file.read_bytes()[:-20])
    assert "is not a readable Parquet file" in refusal(file)


@given(lines=st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_make_the_jsonl_reader_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "rows.jsonl"
    file.write_bytes(b"\n".join(lines))
    try:
        records = read(file)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(record.reason is None or not record.values for record in records)


@given(content=st.binary(max_size=200))
def test_no_bytes_make_the_csv_reader_fail_otherwise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    file.write_bytes(b"text,label\n" + content)
    try:
        records = read(file)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(record.reason is None or not record.values for record in records)


@given(rows=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=5)), min_size=1, max_size=6))
def test_what_was_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("round-trip")
    with (folder / "rows.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    assert [(r.values["text"], r.values["label"]) for r in read(folder / "rows.jsonl")] == rows
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    assert [(r.values["text"], r.values["label"]) for r in read(folder / "rows.csv")] == rows
