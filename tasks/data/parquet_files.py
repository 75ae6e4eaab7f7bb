"""Records out of Parquet files, a batch of rows at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.data.raw import NOT_UTF8, RawRecord, missing_column
from tasks.errors import UserError

if TYPE_CHECKING:
    import pyarrow

OUT_OF_RANGE: Final = "holds a value that cannot be read, such as a date beyond the year 9999"
_BATCH_ROWS: Final = 4096


def read_parquet(path: Path, columns: Sequence[str], location: str) -> Iterator[RawRecord]:
    """Stream the records of a file; see `readers`."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _require_columns(file.schema_arrow.names, columns, location)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(dict.fromkeys(columns))):
                values = [_values(batch.column(column)) for column in columns]
                for row in zip(*values, strict=True):
                    number += 1
                    reason = next((value.reason for value in row if isinstance(value, _Unreadable)), None)
                    held = {} if reason else dict(zip(columns, row, strict=True))
                    yield RawRecord(number, held, reason, unit="row")
    except pyarrow.ArrowException as error:
        first_line = str(error).partition("\n")[0]
        raise UserError(f"is not a readable Parquet file: {first_line}", file=location) from error


class _Unreadable:
    """In the place of a value that Parquet can hold and Python cannot."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _require_columns(names: Sequence[str], columns: Sequence[str], location: str) -> None:
    for column in columns:
        if column not in names:
            raise missing_column(column, names, location)
        if list(names).count(column) > 1:
            raise UserError(f"names the column {column!r} more than once", file=location)


def _values(column: "pyarrow.Array") -> list[object]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # bytes that are no UTF-8, far dates: look for the bad ones one by one
        return [_value(cell) for cell in column]


def _value(cell: "pyarrow.Scalar") -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return _Unreadable(NOT_UTF8)
    except (ValueError, OverflowError):
        return _Unreadable(OUT_OF_RANGE)
