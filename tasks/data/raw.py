"""A record as a reader hands it on: its place, its values or why there are none, and what a file lacks altogether."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tasks.errors import UserError
from tasks.hints import did_you_mean, listed

Unit = Literal["line", "row"]
"""What a record's number counts: the lines of a text file, or the rows of a file without lines (Parquet, a JSON array)."""

NOT_UTF8: Final = "is not UTF-8 (save the file as UTF-8)"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as read. `number`: the line on which it begins, or the row, from 1, as `unit` says.

    `values` holds the columns asked for that the record has; with `reason` set it is empty and `excerpt` shows the bytes.
    """

    number: int
    values: Mapping[str, object]
    reason: str | None = None
    excerpt: str = ""
    unit: Unit = "line"


class MissingColumnError(UserError):
    """A file lacks a column altogether."""


def place(location: str, number: int, unit: Unit = "line") -> str:
    """How a message names one record of a file."""
    return f"{location} {unit} {number}"


def missing_column(column: str, there_are: Sequence[str], location: str, *, more: str = "") -> MissingColumnError:
    """That no column is called so, those there are, and what else there is to say."""
    hint = did_you_mean(column, there_are)
    return MissingColumnError(
        f"has no column {column!r}; its columns are {listed(there_are)}{hint}{more}", file=location
    )


def has_escaped_bytes(text: str) -> bool:
    """Whether bytes that are no UTF-8 stand in a text, which a reader kept as lone surrogates (`surrogateescape`)."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def as_bytes(text: str) -> bytes:
    """The bytes that such a text was read from."""
    return text.encode("utf-8", errors="surrogateescape")
