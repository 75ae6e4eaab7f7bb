"""How a CSV file is laid out: what parts its fields, and what its header says, told by the columns that it must have.

A delimiter is right if the header, read with it, has every column that is asked for. That is safer than counting characters
(as csv.Sniffer does): in a text column semicolons and tabs may be as frequent as commas. Two columns found by one delimiter
are found by no other, unless columns are named twice; such a file is refused rather than guessed at. A file of one column has
no delimiter, and is read as the standard says, by commas. `sep=;` on the first line is how Excel is told; a recipe's
`data.delimiter` has the last word.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, TextIO

from tasks.data.raw import has_escaped_bytes, missing_column
from tasks.data.text_files import opened_text
from tasks.errors import UserError
from tasks.hints import listed, quote

DELIMITERS: Final = (",", ";", "\t", "|")
BROKEN_CSV: Final = "is broken CSV"

_DECLARED: Final = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?[\r\n]*', re.IGNORECASE)


class CsvReader(Protocol):
    """What the csv module's readers offer."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Layout:
    """`skipped`: lines before the header's that are no rows. `header`: the names, without margins.

    `newline`: as `open` takes it. Only a file whose first line ends in a carriage return has such lines; in others, it is a
    part of a text, which csv.writer and pandas leave unquoted where lines end in a line feed.
    """

    delimiter: str
    skipped: int
    header: tuple[str, ...]
    newline: str = "\n"


def csv_layout(path: Path, columns: Sequence[str], location: str, delimiter: str | None = None) -> Layout:
    """The layout of a file in which `columns` are; `delimiter` None finds it.

    Raises UserError where there are no rows, the header lacks a column however it is read, or cannot be read.
    """
    layouts, said = _layouts(path, location, delimiter)
    headers = {each: layout.header for each, layout in layouts.items()}
    wanted = [said] if said else list(DELIMITERS)
    fitting = {each: headers[each] for each in wanted if each in headers and set(columns) <= set(headers[each])}
    if not fitting:
        raise _unfit(headers, columns, location, said)
    if len(set(fitting.values())) > 1:
        readings = "; ".join(f"by {quote(each)} {listed(names)}" for each, names in fitting.items())
        raise UserError(
            f"its header can be read in several ways, {readings}; say which by data.delimiter", file=location
        )
    found, header = next(iter(fitting.items()))
    for column in columns:
        if header.count(column) > 1:
            raise UserError(f"its header names the column {column!r} more than once", file=location)
    return layouts[found]


def possible_layouts(path: Path, location: str, delimiter: str | None = None) -> list[Layout]:
    """Every layout by which the header can be read, or the one that is said by `delimiter` or in the file.

    Raises UserError where there are no rows, or the header cannot be read.
    """
    layouts, said = _layouts(path, location, delimiter)
    return [layouts[said]] if said in layouts else list(layouts.values())


def _layouts(path: Path, location: str, delimiter: str | None) -> tuple[dict[str, Layout], str | None]:
    """By each delimiter by which the header can be read; and the one that was said, by `delimiter` or in the file."""
    with opened_text(path, location, newline="") as stream:
        first_line = next(stream, "")
    declared = _DECLARED.fullmatch(first_line)
    newline = "" if first_line.endswith("\r") else "\n"
    skipped = 1 if declared else 0
    said = delimiter or (declared["delimiter"] if declared else None)
    headers = _headers(path, said, skipped, newline, location)
    return {each: Layout(each, skipped, header, newline) for each, header in headers.items()}, said


def csv_records(stream: TextIO, layout: Layout) -> CsvReader:
    """The records of a text opened with the layout's `newline`, the header first."""
    return csv.reader(islice(stream, layout.skipped, None), delimiter=layout.delimiter, strict=True)


def next_fields(reader: CsvReader) -> list[str]:
    """The next record that is not blank; none at the end."""
    for fields in iter(lambda: next(reader, None), None):
        if fields:
            return list(fields)
    return []


def _headers(path: Path, said: str | None, skipped: int, newline: str, location: str) -> dict[str, tuple[str, ...]]:
    """The first record's fields without margins, by each delimiter by which it can be read.

    Raises UserError where there is no record, or it can be read by none.
    """
    headers: dict[str, tuple[str, ...]] = {}
    for delimiter in dict.fromkeys([*([said] if said else []), *DELIMITERS]):
        with opened_text(path, location, newline=newline) as stream:
            try:
                fields = next_fields(csv.reader(islice(stream, skipped, None), delimiter=delimiter, strict=True))
            except csv.Error:
                continue
        headers[delimiter] = tuple(name.strip() for name in fields)
    if not headers:
        raise UserError(f"its header {BROKEN_CSV}: a quotation mark stands where none can", file=location)
    if not any(any(names) for names in headers.values()):
        raise UserError("is empty: it holds no rows", file=location)
    if any(has_escaped_bytes(name) for names in headers.values() for name in names):
        raise UserError("its header is not UTF-8; save the file as UTF-8", file=location)
    return headers


def _unfit(
    headers: Mapping[str, tuple[str, ...]], columns: Sequence[str], location: str, said: str | None
) -> UserError:
    """Why the file cannot be read: of all readings of its header the one with most of the columns is shown."""
    best = max(headers, key=lambda each: (len(set(columns) & set(headers[each])), len(headers[each])))
    if said is not None and set(columns) <= set(headers[best]):
        found = listed(headers[said]) if said in headers else "no columns that could be read"
        return UserError(
            f"read by the delimiter {quote(said)} it has {found}, but by {quote(best)} {listed(headers[best])}; let "
            "data.delimiter say that",
            file=location,
        )
    shown = said if said is not None and said in headers else best
    names = headers[shown]
    others = {each: found for each, found in headers.items() if len(found) > 1 and found != names}
    more = "".join(f"; read by {quote(each)} they would be {listed(found)}" for each, found in others.items())
    lacking = next((column for column in columns if column not in names), columns[0])
    return missing_column(lacking, names, location, more=more)
