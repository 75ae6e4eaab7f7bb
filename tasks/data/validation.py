"""Records become rows, or get a reason why they cannot: checked before any training, counted, and put into quarantine.

A run is refused when too large a share of the training, the validation or the test rows is unusable, so that a small
test file that is half broken cannot hide behind a large training file.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.data.hints import excerpt, quote, shortened
from tasks.data.readers import RawRecord, place
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.recipe.data import AnyData

_MAX_LABEL_CHARACTERS: Final = 200
_REASONS_SHOWN: Final = 3
SPELLS_OUT: Final = "spells out the special token"
_JUDGED_BY: Final = ("validation", "test")
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A usable row and where it stands: `role` is train, validation, test or landed; `number` as in `RawRecord`."""

    row: Row
    role: str
    source: str
    number: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be used, the reason, and the beginning of its text."""

    role: str
    source: str
    number: int
    reason: str
    excerpt: str


def check_record(record: RawRecord, config: AnyData, *, role: str, source: str) -> Placed | Rejected:
    """The row of a record, or the first reason why there is none."""
    if record.reason is not None:
        return Rejected(role, source, record.number, f"row {record.reason}", record.excerpt)
    values = record.values
    text, label = values.get(config.text_column), values.get(config.label_column)
    group = values.get(config.slice_column) if config.slice_column else None
    reason = (
        _missing(values, config)
        or _string_reason("text" if config.classes else "prompt", text, config)
        or (_name_reason("label", label) if config.classes else _string_reason("completion", label, config))
        or (_name_reason("slice", group) if config.slice_column else None)
    )
    if reason is not None:
        return Rejected(role, source, record.number, reason, excerpt(text if text is not None else dict(values)))
    answer = str(label).strip() if config.classes else str(label)
    row = Row(text=str(text), label=answer, slice=None if group is None else str(group).strip())
    return Placed(row, role, source, record.number)


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
                file=place(placed.source, placed.number),
            )
        return Rejected(placed.role, placed.source, placed.number, reason, excerpt(text))
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
                f"data.max_quarantined_share = {limit:.1%} allows: {_most_common(of_role)}",
                file=shortened(sources[role]),
            )


def write_quarantine(file: Path, rejected: Iterable[Rejected]) -> None:
    """One JSON line `{"source", "row", "reason", "excerpt"}` per rejected record; ASCII, as excerpts may hold anything."""
    with file.open("w", encoding="ascii", newline="\n") as stream:
        for entry in rejected:
            line = {"source": entry.source, "row": entry.number, "reason": entry.reason, "excerpt": entry.excerpt}
            stream.write(json.dumps(line) + "\n")


def _most_common(rejected: Sequence[Rejected]) -> str:
    counts = Counter(entry.reason for entry in rejected)
    examples = {entry.reason: entry for entry in reversed(rejected)}
    parts = [
        f"{count:,} × {reason} (first: {place(examples[reason].source, examples[reason].number)}"
        + (f", {quote(examples[reason].excerpt)})" if examples[reason].excerpt else ")")
        for reason, count in counts.most_common(_REASONS_SHOWN)
    ]
    more = len(counts) - _REASONS_SHOWN
    return "; ".join(parts) + (f"; and {more} more reasons" if more > 0 else "")


def _missing(values: Mapping[str, object], config: AnyData) -> str | None:
    wanted = [config.text_column, config.label_column, *([config.slice_column] if config.slice_column else [])]
    for column in wanted:
        if values.get(column) is None:
            return f"column {column!r} is missing or null"
    return None


def _string_reason(what: str, text: object, config: AnyData) -> str | None:
    if not isinstance(text, str):
        return f"{what} is not a string"
    if not text:
        return f"{what} is empty"
    if len(text) > config.max_characters:
        return f"{what} is longer than data.max_characters = {config.max_characters:,}"
    if not any(character.isprintable() and not character.isspace() for character in text):
        return f"{what} holds nothing but white space"
    if "\0" in text:
        return f"{what} contains NUL"
    if _has_lone_surrogate(text):
        return f"{what} contains a lone surrogate"
    return None


def _name_reason(what: str, value: object) -> str | None:
    """Why a value cannot be a label or the name of a slice."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return f"{what} is neither a string nor a whole number"
    name = str(value).strip()
    if not name:
        return f"{what} is empty"
    if len(name) > _MAX_LABEL_CHARACTERS:
        return f"{what} is longer than {_MAX_LABEL_CHARACTERS} characters"
    if any(unicodedata.category(character) in _CONTROL for character in name):
        return f"{what} contains line breaks or control characters"
    return None


def _has_lone_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
