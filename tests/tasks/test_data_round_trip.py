"""The same rows are read whatever they are written as: format, delimiter, quoting, line ends, byte order mark, compression."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.csv_layout import DELIMITERS
from tasks.data.readers import format_of, read_records

Rows = list[tuple[str, str]]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
rows = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


def read(folder: Path, name: str, content: bytes, delimiter: str | None = None) -> Rows:
    file = folder / name
    file.write_bytes(content)
    file_format = format_of(file)
    assert file_format is not None
    records = list(read_records(file, file_format, ("text", "label"), location=name, delimiter=delimiter))
    assert [record.reason for record in records] == [None] * len(records)
    return [(str(record.values["text"]), str(record.values["label"])) for record in records]


@settings(deadline=None)
@given(
    written=rows,
    delimiter=st.sampled_from(DELIMITERS),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    before=st.sampled_from(["", "\ufeff"]),
    declared=st.booleans(),
    said=st.booleans(),
    packed=st.booleans(),
)
def test_csv_of_any_dialect(
    tmp_path_factory: pytest.TempPathFactory,
    written: Rows,
    delimiter: str,
    quoting: int,
    end: str,
    before: str,
    declared: bool,
    said: bool,
    packed: bool,
) -> None:
    stream = io.StringIO(newline="")
    # The module's own writer leaves a lone "\r" unquoted where lines end in "\n": quote all there.
    careful = quoting if end == "\r\n" else csv.QUOTE_ALL
    csv.writer(stream, delimiter=delimiter, quoting=careful, lineterminator=end).writerows(
        [("text", "label"), *written]
    )
    first = f"sep={delimiter}{end}" if declared else ""
    content = (before + first + stream.getvalue()).encode()
    name = "rows.csv.gz" if packed else "rows.csv"
    given_delimiter = delimiter if said else None
    folder = tmp_path_factory.mktemp("csv")
    assert read(folder, name, gzip.compress(content) if packed else content, given_delimiter) == written


@settings(deadline=None)
@given(
    written=rows,
    array=st.booleans(),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    before=st.sampled_from(["", "\ufeff"]),
    name=st.sampled_from(["rows.json", "rows.jsonl", "rows.jsonl.gz"]),
)
def test_json_of_any_layout(
    tmp_path_factory: pytest.TempPathFactory,
    written: Rows,
    array: bool,
    indent: int | None,
    ascii_only: bool,
    end: str,
    before: str,
    name: str,
) -> None:
    objects = [{"text": text, "label": label} for text, label in written]
    if array:
        content = json.dumps(objects, indent=indent, ensure_ascii=ascii_only)
    else:
        content = end.join(json.dumps(each, ensure_ascii=ascii_only) for each in objects)
    data = (before + content).encode()
    folder = tmp_path_factory.mktemp("json")
    assert read(folder, name, gzip.compress(data) if name.endswith(".gz") else data) == written


@settings(deadline=None)
@given(
    written=rows,
    kind=st.sampled_from([pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()]),
    categorical=st.booleans(),
)
def test_parquet_of_any_string_type(
    tmp_path_factory: pytest.TempPathFactory, written: Rows, kind: pyarrow.DataType, categorical: bool
) -> None:
    columns = {
        "text": pyarrow.array([text for text, _ in written], kind),
        "label": pyarrow.array([label for _, label in written]),
    }
    if categorical:
        columns["label"] = columns["label"].dictionary_encode()
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    assert read(tmp_path_factory.mktemp("parquet"), "rows.parquet", sink.getvalue()) == written
