"""Records out of JSON, CSV and Parquet files, streamed, each with its place and, where it cannot be read, the reason.

What concerns one record is handed on as a reason, to be counted and quarantined; what makes a whole file useless (no
such column, no rows, not the format its suffix says) is a `UserError`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final, Literal

from tasks.data.csv_files import read_csv
from tasks.data.json_files import read_json
from tasks.data.parquet_files import read_parquet
from tasks.data.raw import RawRecord
from tasks.errors import UserError

Format = Literal["jsonl", "csv", "parquet"]
"""`jsonl`: objects, one per line or in one array; `csv`: fields parted by any delimiter."""

FORMATS: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
_COMPRESSED: Final = ".gz"
_SUFFIXES: Final = f"{', '.join(FORMATS)}, of text also with {_COMPRESSED} behind"

# What people give instead, and the way out.
_WAYS_OUT: Final[Mapping[str, str]] = {
    ".xlsx": "save the sheet with the rows as CSV UTF-8",
    ".xls": "save the sheet with the rows as CSV UTF-8",
    ".ods": "save the sheet with the rows as CSV",
    ".zip": "unpack it",
    ".bz2": "unpack it, or use gzip",
    ".xz": "unpack it, or use gzip",
    ".zst": "unpack it, or use gzip",
    ".txt": "give it the suffix of what it holds: .csv, .tsv or .jsonl",
    ".arrow": "write it as .parquet",
    ".feather": "write it as .parquet",
    ".pkl": "write it as .parquet; pickles are never read",
    ".db": "write its rows as .csv or .jsonl",
    ".yaml": "write its rows as .jsonl",
    ".yml": "write its rows as .jsonl",
}


def read_records(
    path: Path, file_format: Format, columns: Sequence[str], *, location: str, delimiter: str | None = None
) -> Iterator[RawRecord]:
    """Stream the records of a file; `location` is how messages call it; `delimiter` of a CSV, None finds it.

    Raises UserError when the file cannot be read at all, has no records, or lacks one of `columns` altogether.
    """
    empty = True
    try:
        for record in _reader(path, file_format, columns, location, delimiter):
            empty = False
            yield record
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=location) from error
    if empty:
        raise UserError("is empty: it holds no rows", file=location)


def format_of(file: PurePath) -> Format | None:
    """The format that a file's name stands for, if any."""
    suffix = file.suffix.lower()
    if suffix != _COMPRESSED:
        return FORMATS.get(suffix)
    inner = FORMATS.get(file.with_suffix("").suffix.lower())
    return None if inner == "parquet" else inner


def unknown_format(file: PurePath) -> str:
    """That a name stands for no format, those that there are, and the way out."""
    suffix = file.suffix.lower()
    hint = f"; {_WAYS_OUT[suffix]}" if suffix in _WAYS_OUT else ""
    return f"is not in a known format; the suffix is one of {_SUFFIXES}{hint}"


def required_format(file: Path) -> Format:
    """`format_of`, or a UserError with `unknown_format`."""
    found = format_of(file)
    if found is None:
        raise UserError(unknown_format(file), file=file)
    return found


def _reader(
    path: Path, file_format: Format, columns: Sequence[str], location: str, delimiter: str | None
) -> Iterator[RawRecord]:
    if file_format == "jsonl":
        return read_json(path, columns, location)
    if file_format == "csv":
        return read_csv(path, columns, location, delimiter)
    return read_parquet(path, columns, location)
