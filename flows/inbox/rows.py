"""Judges a landed file row by row with the readers and checks that every run uses: good rows go on, bad ones do not.

Good rows are written as JSON lines under the recipe's own column names, so that they can be read as further training
data; bad rows go into quarantine with their reasons, and a file that cannot be read at all does with one.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from pydantic import ValidationError

from engine import strict_json
from flows.inbox.files import InboxFolders, printable
from tasks.artifact import Record
from tasks.data.readers import Format, read_records
from tasks.data.text_files import unpacked_size
from tasks.data.validation import Placed, Rejected, check_record, most_common_reasons
from tasks.errors import UserError
from tasks.recipe.data import AnyData, DataConfig, PromptDataConfig

_MAX_PARQUET_ROWS: Final = 5_000_000
_MAX_UNPACKED_BYTES: Final = 2**30
_MAX_NAMES: Final = 2_000  # labels × slices of one file; more is a column of texts taken for labels
_MAX_REASONS_WRITTEN: Final = 10_000  # a file of short broken lines would grow fifty times as large in quarantine

COMPLETIONS: Final = "completions"
"""Stands for the label where rows have completions: nearly every row has another one, and none is new."""

Name = tuple[str, str | None]


class Columns(Record):
    """Where text, label and slice stand in landed files, and the longest text in characters; see `tasks.recipe.data`.

    `delimiter`: how a CSV that lands is read; the rows that have landed are JSON, whatever it is.
    """

    text_column: str = "text"
    label_column: str = "label"
    slice_column: str | None = None
    max_characters: int = 20_000
    classes: bool = True
    delimiter: str | None = None

    @classmethod
    def of(cls, config: AnyData) -> "Columns":
        """Those of a recipe."""
        return cls(**{name: getattr(config, name) for name in cls.model_fields})

    @property
    def config(self) -> AnyData:
        """As the checks want them."""
        fields: dict[str, Any] = {"slice_column": self.slice_column, "max_characters": self.max_characters}
        fields["train"] = ("landed.jsonl",)
        if self.classes:
            return DataConfig(text_column=self.text_column, label_column=self.label_column, **fields)
        return PromptDataConfig(prompt_column=self.text_column, completion_column=self.label_column, **fields)

    @property
    def names(self) -> list[str]:
        """The columns that are read."""
        return [self.text_column, self.label_column, *([self.slice_column] if self.slice_column else [])]

    def same_rows(self, other: "Columns") -> bool:
        """Whether rows that landed by the others are such as land by these: how a CSV is read changes none that was read."""
        return self == other.model_copy(update={"delimiter": self.delimiter})

    def label_of(self, answer: str) -> str:
        """What a row is counted under."""
        return answer if self.classes else COMPLETIONS


@dataclass(frozen=True)
class Judged:
    """`good`: rows by label and slice. `bad`: how many others. `reason`: why the whole file is in quarantine."""

    good: Counter[Name]
    bad: int
    reason: str | None = None


class _NothingGoodError(Exception):
    """There are no good rows to write."""


def remember_columns(folders: InboxFolders, columns: Columns) -> None:
    """From now on, files of this model are read so, whoever lands them."""
    with folders.writing(_columns_file(folders), "remember the columns") as out:
        out.write(columns.model_dump_json().encode())


def remembered_columns(folders: InboxFolders) -> Columns:
    """What was remembered, else the defaults. Raises UserError where it cannot be read."""
    file = _columns_file(folders)
    try:
        return Columns.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Columns()
    except ValidationError as error:
        raise UserError("cannot be read; remove it and land with --recipe", file=file) from error


def judge_file(folders: InboxFolders, path: Path, *, name: str, columns: Columns) -> Judged:
    """Write the good rows of a landed file into `landed/`, the bad ones into `quarantine/`; `name` is for messages."""
    sha256, file_format = path.stem, path.suffix[1:]
    _quarantine_file(folders, sha256).unlink(missing_ok=True)  # of an earlier reading, by other columns
    good: Counter[Name] = Counter()
    bad: list[Rejected] = []
    more = 0
    try:
        with folders.writing(good_rows_file(folders, sha256), "write good rows") as out:
            for checked in _checked(path, file_format, name, columns):  # type: ignore[arg-type]  # the store's own suffix
                if isinstance(checked, Placed):
                    good[columns.label_of(checked.row.label), checked.row.slice] += 1
                    _refuse_too_many_names(good)
                    out.write(_line(checked, columns))
                elif len(bad) < _MAX_REASONS_WRITTEN:
                    bad.append(checked)
                else:
                    more += 1
            if bad:
                _write_quarantine(folders, sha256, bad, more)
            if not good:
                raise _NothingGoodError
    except _NothingGoodError:
        return Judged(good, len(bad) + more, printable(f"no row can be used: {most_common_reasons(bad)}"))
    except UserError as error:
        reason = printable(" ".join(str(error).removeprefix(f"{name}: ").split()))
        _write_quarantine(folders, sha256, [Rejected("train", name, 0, reason, "")], 0)
        return Judged(Counter(), 0, reason)
    return Judged(good, len(bad) + more)


def write_rows_of(folders: InboxFolders, sha256: str, names: Collection[Name], columns: Columns) -> Path:
    """The good rows of a file that have one of these labels and slices, as a file of their own."""
    whole = good_rows_file(folders, sha256)
    wanted = {(label, part) for label, part in names}
    digest = _digest_of(wanted)
    chosen = folders.landed / f"{sha256}-{digest}.jsonl"
    if chosen.exists():
        return chosen
    with whole.open("rb") as lines, folders.writing(chosen, "write chosen rows") as out:
        for line in lines:
            row = strict_json.loads(line)
            part = row.get(columns.slice_column)
            if (columns.label_of(row[columns.label_column]), part) in wanted:
                out.write(line)
    return chosen


def good_rows_file(folders: InboxFolders, sha256: str) -> Path:
    """Where the good rows of a file lie."""
    return folders.landed / f"{sha256}.jsonl"


def _checked(path: Path, file_format: Format, name: str, columns: Columns) -> Iterator[Placed | Rejected]:
    config = columns.config
    _refuse_bomb(path, file_format, name)
    for record in read_records(path, file_format, columns.names, location=name, delimiter=columns.delimiter):
        yield check_record(record, config, role="train", source=name)


def _refuse_bomb(path: Path, file_format: Format, name: str) -> None:
    """Before anything of it is held in memory: by what a Parquet file says of itself, or by counting."""
    if file_format == "parquet":
        rows, unpacked = _parquet_size(path, name)
        if rows > _MAX_PARQUET_ROWS or unpacked > _MAX_UNPACKED_BYTES:
            raise UserError(
                f"unpacks to {rows:,} rows and {unpacked // 2**20:,} MiB, more than {_MAX_PARQUET_ROWS:,} rows and "
                f"{_MAX_UNPACKED_BYTES // 2**20:,} MiB",
                file=name,
            )
    elif unpacked_size(path, name, at_most=_MAX_UNPACKED_BYTES) > _MAX_UNPACKED_BYTES:
        raise UserError(f"unpacks to more than {_MAX_UNPACKED_BYTES // 2**20:,} MiB; part it into several", file=name)


def _parquet_size(path: Path, name: str) -> tuple[int, int]:
    """Rows, and bytes once unpacked."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            about = file.metadata
            groups = range(about.num_row_groups)
            return about.num_rows, sum(about.row_group(number).total_byte_size for number in groups)
    except (pyarrow.ArrowException, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise UserError(f"is not a readable Parquet file: {first_line}", file=name) from error


def _refuse_too_many_names(good: Counter[Name]) -> None:
    if len(good) > _MAX_NAMES:
        raise UserError(f"has more than {_MAX_NAMES:,} different labels; is the label column the right one?")


def _line(placed: Placed, columns: Columns) -> bytes:
    row = placed.row
    values = {columns.text_column: row.text, columns.label_column: row.label}
    if columns.slice_column:
        values[columns.slice_column] = row.slice or ""
    return strict_json.dumps(values).encode() + b"\n"


def _write_quarantine(folders: InboxFolders, sha256: str, bad: list[Rejected], more: int) -> None:
    with folders.writing(_quarantine_file(folders, sha256), "write quarantined rows") as out:
        for entry in bad:
            _write_reason(out, entry)
        if more:
            _write_reason(out, Rejected("train", bad[0].source, 0, f"and {more:,} more rows that cannot be used", ""))


def _write_reason(out: IO[bytes], entry: Rejected) -> None:
    line = {"source": entry.source, "row": entry.number or None, "reason": entry.reason, "excerpt": entry.excerpt}
    out.write(strict_json.dumps(line, ascii_only=True).encode() + b"\n")


def _digest_of(names: Collection[Name]) -> str:
    told = strict_json.dumps(sorted([label, part or ""] for label, part in names), ascii_only=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _quarantine_file(folders: InboxFolders, sha256: str) -> Path:
    return folders.quarantine / f"{sha256}.jsonl"


def _columns_file(folders: InboxFolders) -> Path:
    return folders.inbox / "columns.json"
