"""Records become rows, or get a reason why they cannot: checked before any training, counted, and put into quarantine.

A run is refused when too large a share of the training, the validation or the test rows is unusable, so that a small
test file that is half broken cannot hide behind a large training file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import strict_json
from tasks.data.raw import RawRecord, Unit, place
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.hints import excerpt, quote, shortened
from tasks.labels import NotANameError, is_missing, name_of
from tasks.recipe.data import AnyData

_REASONS_SHOWN: Final = 3
SPELLS_OUT: Final = "spells out the special token"
_JUDGED_BY: Final = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Placed:
    """A usable row and where it stands: `role` is train, validation, test or landed; `number` and `unit` as in `RawRecord`.

    `readings`: what of it was not taken as it was written, and how it was read.
    """

    row: Row
    role: str
    source: str
    number: int
    unit: Unit = "line"
    readings: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """How a message names it."""
        return place(self.source, self.number, self.unit)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be used, the reason, and the beginning of the value that is at fault."""

    role: str
    source: str
    number: int
    reason: str
    excerpt: str
    unit: Unit = "line"

    @property
    def place(self) -> str:
        """How a message names it."""
        return place(self.source, self.number, self.unit)

    @property
    def shown(self) -> str:
        """Where it is and what stands there, for a message."""
        return f"{self.place}, {quote(self.excerpt)}" if self.excerpt else self.place

    @property
    def fault(self) -> str:
        """The reason and what stands there, for a message that names the place by itself."""
        return f"{self.reason}: {quote(self.excerpt)}" if self.excerpt else self.reason


class _UnusableError(Exception):
    """A record has a value that makes no row."""

    def __init__(self, reason: str, value: object) -> None:
        super().__init__(reason)
        self.value = value


def check_record(record: RawRecord, config: AnyData, *, role: str, source: str) -> Placed | Rejected:
    """The row of a record, or the first reason why there is none."""
    if record.reason is not None:
        return Rejected(role, source, record.number, f"row {record.reason}", record.excerpt, record.unit)
    readings: list[str] = []
    try:
        _require_all(record.values, config)
        text = _text(record.values, "text" if config.classes else "prompt", config.text_column, config)
        if config.classes:
            label = _name(record.values, "label", config.label_column, readings)
        else:
            label = _text(record.values, "completion", config.label_column, config)
        group = _name(record.values, "slice", config.slice_column, readings) if config.slice_column else None
    except _UnusableError as error:
        return Rejected(role, source, record.number, str(error), excerpt(error.value), record.unit)
    return Placed(Row(text, label, group), role, source, record.number, record.unit, tuple(readings))


def check_special_tokens(placed: Placed, special_tokens: Iterable[str]) -> Placed | Rejected:
    """The row, or the first special token of the model that it spells out, which would be taken for the prompt format's own.

    UserError for rows that were given to judge by: those do not go without a word.
    """
    for what, text in (("prompt", placed.row.text), ("completion", placed.row.label)):
        found = next((token for token in special_tokens if token in text), None)
        if found is None:
            continue
        reason = f"{what} {SPELLS_OUT} {found}"
        if placed.role in _JUDGED_BY:
            raise UserError(
                f"the {reason}, which this model can be neither asked nor answer with; take it out of {quote(excerpt(text))}",
                file=placed.place,
            )
        return Rejected(placed.role, placed.source, placed.number, reason, excerpt(text), placed.unit)
    return placed


def refuse_too_many(
    rejected: Sequence[Rejected], rows_read: Mapping[str, int], sources: Mapping[str, Sequence[str]], *, limit: float
) -> None:
    """Raise UserError when more than `limit` of the records of one role were rejected.

    `rows_read` counts all records by role; `sources` names the files by role.
    """
    for role, total in rows_read.items():
        of_role = [entry for entry in rejected if entry.role == role]
        if len(of_role) > limit * total:
            raise UserError(
                f"{len(of_role):,} of {total:,} {role} rows ({len(of_role) / total:.1%}) cannot be used, more than "
                f"data.max_quarantined_share = {limit:.1%} allows: {most_common_reasons(of_role)}",
                file=shortened(sources[role]),
            )


def write_quarantine(file: Path, rejected: Iterable[Rejected]) -> None:
    """One JSON line `{"source", "row", "reason", "excerpt"}` per rejected record; ASCII, as excerpts may hold anything."""
    with file.open("w", encoding="ascii", newline="\n") as stream:
        for entry in rejected:
            line = {"source": entry.source, "row": entry.number, "reason": entry.reason, "excerpt": entry.excerpt}
            stream.write(strict_json.dumps(line, ascii_only=True) + "\n")


def most_common_reasons(rejected: Sequence[Rejected]) -> str:
    """The most frequent reasons, how often each, and the first record of each."""
    counts = Counter(entry.reason for entry in rejected)
    examples = {entry.reason: entry for entry in reversed(rejected)}
    parts = [
        f"{count:,} × {reason} (first: {examples[reason].shown})"
        for reason, count in counts.most_common(_REASONS_SHOWN)
    ]
    more = len(counts) - _REASONS_SHOWN
    return "; ".join(parts) + (f"; and {more} more reasons" if more > 0 else "")


def _require_all(values: Mapping[str, object], config: AnyData) -> None:
    for column in (config.text_column, config.label_column, config.slice_column):
        if column is not None and is_missing(values.get(column)):
            raise _UnusableError(f"column {column!r} is missing or null", dict(values))


def _text(values: Mapping[str, object], what: str, column: str, config: AnyData) -> str:
    """The string that a model reads or writes."""
    text = values[column]
    reason = f"is not a string, but {_kind(text)}" if not isinstance(text, str) else _unusable_text(text, config)
    if reason is not None:
        raise _UnusableError(f"{_called(what, column)} {reason}", text if text != "" else dict(values))
    return str(text)


def _name(values: Mapping[str, object], what: str, column: str, readings: list[str]) -> str:
    """The name of a class or slice."""
    value = values[column]
    try:
        name = name_of(value)
    except NotANameError as error:
        blank = isinstance(value, str) and not value.strip()
        raise _UnusableError(f"{_called(what, column)} {error}", dict(values) if blank else value) from error
    if name.reading is not None:
        readings.append(f"{what}: {name.reading}")
    return name.text


def _called(what: str, column: str) -> str:
    """What a value is, and the column where it stands if that is called otherwise."""
    return what if column == what else f"{what} (column {column!r})"


def _kind(value: object) -> str:
    """What a value is that is no string, in words of data files."""
    for kind, word in ((bool, "true or false"), (int | float, "a number"), (list, "a list"), (dict, "an object")):
        if isinstance(value, kind):
            return word
    return "bytes" if isinstance(value, bytes) else f"a {type(value).__name__}"


def _unusable_text(text: str, config: AnyData) -> str | None:
    if not text:
        return "is empty"
    if len(text) > config.max_characters:
        return f"is longer than data.max_characters = {config.max_characters:,}"
    if not any(character.isprintable() and not character.isspace() for character in text):
        return "holds nothing but white space"
    if "\0" in text:
        return "contains NUL"
    if _has_lone_surrogate(text):
        return "contains a lone surrogate"
    return None


def _has_lone_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
