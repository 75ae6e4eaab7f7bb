"""Records out of CSV: quoted as RFC 4180 has it, parted by the delimiter that csv_layout finds or is given."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.data.csv_layout import BROKEN_CSV, CsvReader, Layout, csv_layout, csv_records, next_fields
from tasks.data.raw import NOT_UTF8, RawRecord, as_bytes, has_escaped_bytes
from tasks.data.text_files import opened_text
from tasks.errors import UserError
from tasks.hints import excerpt

# The csv module refuses fields above 128 KiB by default; an overlong text is to be a reason of its row, not of its file.
_CSV_FIELD_LIMIT: Final = 2**31 - 1


def read_csv(path: Path, columns: Sequence[str], location: str, delimiter: str | None) -> Iterator[RawRecord]:
    """Stream the records of a file; see `readers`."""
    with _long_fields():
        layout = csv_layout(path, columns, location, delimiter)
        positions = {column: layout.header.index(column) for column in columns}
        with opened_text(path, location, newline=layout.newline) as stream:
            reader = csv_records(stream, layout)
            next_fields(reader)  # the header
            yield from _records(reader, positions, layout, location)


def ragged(fields: int, wanted: int) -> str:
    """Why a record of another number of fields than the header's cannot be read."""
    return f"has {fields} field{'s' * (fields != 1)} where the header has {wanted}"


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(_CSV_FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _records(reader: CsvReader, positions: Mapping[str, int], layout: Layout, location: str) -> Iterator[RawRecord]:
    width = len(layout.header)
    while True:
        number = layout.skipped + reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                # All that follows the quote went into one field: nobody can say how many rows are lost.
                raise UserError(f"line {number}: a quotation mark is opened and never closed", file=location) from error
            what = "a carriage return outside quotation marks" if "new-line character" in str(error) else error
            yield RawRecord(number, {}, f"{BROKEN_CSV} ({what})")
            continue
        if not fields:
            continue
        line = layout.delimiter.join(fields)
        if any(has_escaped_bytes(field) for field in fields):
            yield RawRecord(number, {}, NOT_UTF8, excerpt(as_bytes(line)))
        elif len(fields) != width:
            yield RawRecord(number, {}, ragged(len(fields), width), excerpt(line))
        else:
            yield RawRecord(number, {column: fields[position] for column, position in positions.items()})
