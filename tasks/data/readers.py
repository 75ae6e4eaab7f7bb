"""Records out of .jsonl, .csv and .parquet files, streamed, each with its place and, where it cannot be read, the reason.

What concerns one record is handed on as a reason, to be counted and quarantined; what makes a whole file useless (no
such column, no rows, not the format its suffix says) is a `UserError`. Text files are UTF-8, with or without a byte order mark.
"""

import codecs
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from tasks.data.hints import did_you_mean, excerpt, listed
from tasks.errors import UserError

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: Final[Mapping[str, Format]] = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}

NOT_UTF8: Final = "is not UTF-8"
BROKEN_JSON: Final = "is broken JSON"
NOT_AN_OBJECT: Final = "is not a JSON object"
RAGGED: Final = "has more or fewer fields than the header"
BROKEN_CSV: Final = "is broken CSV"

# The csv module refuses fields above 128 KiB by default; an overlong text is to be a reason of its row, not of its file.
_CSV_FIELD_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as read. `number`: line of a text file on which it begins, or row of a Parquet file, from 1.

    `values` holds the columns asked for that the record has; with `reason` set it is empty and `excerpt` shows the bytes.
    """

    number: int
    values: Mapping[str, object]
    reason: str | None = None
    excerpt: str = ""


class MissingColumnError(UserError):
    """A file lacks a column altogether."""


def read_records(path: Path, file_format: Format, columns: Sequence[str], *, location: str) -> Iterator[RawRecord]:
    """Stream the records of a file; `location` is how messages call it.

    Raises UserError when the file cannot be read at all, has no records, or lacks one of `columns` altogether.
    """
    reader = {"jsonl": _read_jsonl, "csv": _read_csv, "parquet": _read_parquet}[file_format]
    empty = True
    try:
        for record in reader(path, columns, location):
            empty = False
            yield record
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=location) from error
    if empty:
        raise UserError("is empty: it holds no rows", file=location)


def format_of(file: Path) -> Format:
    """The format that a file's suffix stands for; UserError naming those there are."""
    try:
        return FORMATS[file.suffix.lower()]
    except KeyError:
        raise UserError(f"not a known format; the suffix is one of {', '.join(FORMATS)}", file=file) from None


def place(location: str, number: int) -> str:
    """How a message names one record of a file."""
    has_no_lines = location.lower().endswith(".parquet") or location.startswith("hf://")
    return f"{location} {'row' if has_no_lines else 'line'} {number}"


# ---------------------------------------------------------------- JSON lines


def _read_jsonl(path: Path, columns: Sequence[str], location: str) -> Iterator[RawRecord]:
    _refuse_utf16(path, location)
    seen: set[str] = set()
    first_names: list[str] | None = None
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not content.strip():
                continue
            record = _parse_json_line(content, number, columns)
            if record.reason is None:
                seen.update(record.values)
                if first_names is None:
                    first_names = list(json.loads(content))
            yield record
    for column in columns:
        if first_names is not None and column not in seen:
            raise _missing_column(column, first_names, location)


def _parse_json_line(content: bytes, number: int, columns: Sequence[str]) -> RawRecord:
    reason = BROKEN_JSON
    try:
        value = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        reason = NOT_UTF8
    except (ValueError, RecursionError):  # ValueError also stands for a number of more than 4,300 digits
        reason = BROKEN_JSON
    else:
        if isinstance(value, dict):
            return RawRecord(number, {column: value[column] for column in columns if column in value})
        reason = NOT_AN_OBJECT
    return RawRecord(number, {}, reason, excerpt(content.rstrip(b"\r\n")))


# ---------------------------------------------------------------- CSV


class _CsvReader(Protocol):
    """What the csv module's readers offer."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...


def _read_csv(path: Path, columns: Sequence[str], location: str) -> Iterator[RawRecord]:
    _refuse_utf16(path, location)
    limit_before = csv.field_size_limit(_CSV_FIELD_LIMIT)
    try:
        # Undecodable bytes become lone surrogates, so that a wrong encoding is the reason of its row.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = _csv_header(reader, columns, location)
            positions = {column: header.index(column) for column in columns}
            yield from _csv_records(reader, positions, len(header), location)
    finally:
        csv.field_size_limit(limit_before)


def _csv_header(reader: _CsvReader, columns: Sequence[str], location: str) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UserError(f"its header is {BROKEN_CSV.removeprefix('is ')} ({error})", file=location) from error
    if not header:
        raise UserError("is empty: it holds no rows", file=location)
    for column in columns:
        if column not in header:
            raise _missing_column(column, header, location)
        if header.count(column) > 1:
            raise UserError(f"its header names the column {column!r} more than once", file=location)
    return header


def _csv_records(reader: _CsvReader, positions: Mapping[str, int], width: int, location: str) -> Iterator[RawRecord]:
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                # All that follows the quote went into one field: nobody can say how many rows are lost.
                raise UserError(f"line {number}: a quotation mark is opened and never closed", file=location) from error
            yield RawRecord(number, {}, BROKEN_CSV)
            continue
        if not fields:
            continue
        line = ",".join(fields)
        if any(_has_escaped_bytes(field) for field in fields):
            yield RawRecord(number, {}, NOT_UTF8, excerpt(line.encode("utf-8", errors="surrogateescape")))
        elif len(fields) != width:
            yield RawRecord(number, {}, RAGGED, excerpt(line))
        else:
            yield RawRecord(number, {column: fields[position] for column, position in positions.items()})


def _has_escaped_bytes(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


# ---------------------------------------------------------------- Parquet


def _read_parquet(path: Path, columns: Sequence[str], location: str) -> Iterator[RawRecord]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for column in columns:
                if column not in names:
                    raise _missing_column(column, names, location)
            number = 0
            for batch in file.iter_batches(batch_size=4096, columns=list(dict.fromkeys(columns))):
                values = [_parquet_values(batch.column(column)) for column in columns]
                for row in zip(*values, strict=True):
                    number += 1
                    if any(isinstance(value, UnicodeDecodeError) for value in row):
                        yield RawRecord(number, {}, NOT_UTF8)
                    else:
                        yield RawRecord(number, dict(zip(columns, row, strict=True)))
    except pyarrow.ArrowException as error:
        first_line = str(error).partition("\n")[0]
        raise UserError(f"is not a readable Parquet file: {first_line}", file=location) from error


def _parquet_values(column: "pyarrow.Array") -> list[object]:  # type: ignore[name-defined]  # noqa: F821
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # Parquet writers need not check their strings: look for the bad ones one by one
        return [_parquet_value(cell) for cell in column]


def _parquet_value(cell: "pyarrow.Scalar") -> object:  # type: ignore[name-defined]  # noqa: F821
    try:
        return cell.as_py()
    except UnicodeDecodeError as error:
        return error


# ---------------------------------------------------------------- what concerns whole files


def _refuse_utf16(path: Path, location: str) -> None:
    with path.open("rb") as stream:
        beginning = stream.read(4)
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or beginning == codecs.BOM_UTF32_BE:
        raise UserError("is UTF-16 or UTF-32; save it as UTF-8", file=location)


def _missing_column(column: str, there_are: Sequence[str], location: str) -> "MissingColumnError":
    hint = did_you_mean(column, there_are)
    return MissingColumnError(f"has no column {column!r}; its columns are {listed(there_are)}{hint}", file=location)
