"""A data file as a person hands it over, before anybody has said what its columns are: all of them, and what each holds."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from tasks.data.csv_layout import Layout, csv_records, next_fields, possible_layouts
from tasks.data.json_files import json_objects
from tasks.data.raw import RawRecord
from tasks.data.readers import Format, read_records, required_format
from tasks.data.text_files import opened_text
from tasks.errors import UserError
from tasks.hints import listed
from tasks.labels import NotANameError, is_missing, name_of

_SAMPLED: Final = 200  # records by which the columns are found


@dataclass(frozen=True)
class Column:
    """What a column holds in the rows that can be read.

    `texts`: its values that are text, `names`: how often each value occurs that can be the name of a class; `missing`: rows
    without a value.
    """

    name: str
    texts: tuple[str, ...]
    names: Counter[str]
    missing: int
    rows: int

    @property
    def distinct(self) -> int:
        """How many different texts there are."""
        return len(set(self.texts))

    @property
    def mean_characters(self) -> float:
        """Of its texts; 0 where there are none."""
        return sum(map(len, self.texts)) / len(self.texts) if self.texts else 0.0

    @property
    def few_names(self) -> bool:
        """Whether its values can be the names of classes: at least two of them, and each several times as a rule."""
        named = sum(self.names.values())
        return len(self.names) >= 2 and named >= 0.98 * (self.rows - self.missing) and len(self.names) <= named / 4


@dataclass(frozen=True)
class Table:
    """`columns` in the file's order; `rows`: those that can be read; `delimiter`: of a CSV, where one was named."""

    file: Path
    columns: tuple[Column, ...]
    rows: int
    delimiter: str | None = None

    def column(self, name: str) -> Column:
        """By its name. Raises UserError naming those there are."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise UserError(
                f"has no column {name!r}; its columns are {listed(each.name for each in self.columns)}", file=self.file
            )
        return found


def read_table(file: Path, delimiter: str | None = None) -> Table:
    """All columns of a file. Raises UserError where it cannot be read, has no rows, or its header cannot be told."""
    if not file.is_file():
        raise UserError("is a folder; name one file" if file.is_dir() else "no such file", file=file)
    file_format = required_format(file)
    layout = _csv_layout(file, delimiter) if file_format == "csv" else None
    names = [name for name in layout.header if name] if layout else _names(file, file_format)
    parted_by = layout.delimiter if layout else None
    records = [
        record
        for record in read_records(file, file_format, names, location=str(file), delimiter=parted_by)
        if record.reason is None
    ]
    if not records:
        raise UserError("none of its rows can be read", file=file)
    return Table(file, tuple(_column(name, records) for name in names), len(records), delimiter)


def _column(name: str, records: Sequence[RawRecord]) -> Column:
    values = [record.values.get(name) for record in records]
    held = [value for value in values if not is_missing(value) and not (isinstance(value, str) and not value.strip())]
    names: Counter[str] = Counter()
    for value in held:
        try:
            names[name_of(value).text] += 1
        except NotANameError:
            continue
    texts = tuple(value for value in held if isinstance(value, str))
    return Column(name, texts, names, len(values) - len(held), len(values))


def _names(file: Path, file_format: Format) -> list[str]:
    if file_format == "parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            return list(pyarrow.parquet.read_schema(file).names)
        except (pyarrow.ArrowException, OSError) as error:
            first_line = str(error).partition("\n")[0]
            raise UserError(f"is not a readable Parquet file: {first_line}", file=file) from error
    return _json_keys(file)


def _json_keys(file: Path) -> list[str]:
    """The keys of the first objects, in the order in which they come."""
    found = dict.fromkeys(key for value in islice(json_objects(file, str(file)), _SAMPLED) for key in value)
    if not found:
        raise UserError("holds no JSON objects; give one object a line, or an array of objects", file=file)
    return list(found)


def _csv_layout(file: Path, delimiter: str | None) -> Layout:
    """The one by which most of the first records have as many fields as the header, and the header most."""
    return max(possible_layouts(file, str(file), delimiter), key=lambda layout: _fit(file, layout))


def _fit(file: Path, layout: Layout) -> tuple[float, int]:
    """The share of records that have the header's number of fields, if that is more than one; and this number."""
    width = len(layout.header)
    with opened_text(file, str(file), newline=layout.newline) as stream:
        reader = csv_records(stream, layout)
        try:
            next_fields(reader)  # the header
            records = [next_fields(reader) for _ in range(_SAMPLED)]
        except csv.Error:
            return 0.0, 0
    records = [record for record in records if record]
    if width < 2 or not records:
        return 0.0, width
    return sum(len(record) == width for record in records) / len(records), width
