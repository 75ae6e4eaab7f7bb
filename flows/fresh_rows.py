"""Reads the rows that a bundle is recalibrated from: labelled ones, and such whose label may come later."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from flows.inbox.rows import Columns
from tasks.data.completions import AnswerForm
from tasks.data.duplicates import same_text_key, without_contradictions, without_duplicates
from tasks.data.raw import MissingColumnError, RawRecord
from tasks.data.readers import read_records, required_format
from tasks.data.remarks import remarks_on_rows
from tasks.data.rows import UNLABELLED, Row
from tasks.data.validation import Placed, Rejected, check_record
from tasks.errors import UserError
from tasks.families.family import bundle_reading
from tasks.labels import is_missing
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import AnyData

_TO_COME = "a label to come"


def data_section_of(bundle: Path) -> AnyData:
    """How fresh rows are read and compared where a person says nothing else: as the bundle's own recipe says.

    The defaults of its family for a bundle from before bundles kept that. Raises BundleError where the folder is no bundle.
    """
    usual, kept = bundle_reading(bundle).data, BundledRecipe.load(bundle)
    return usual if kept is None else kept.data_section(usual)


def named_columns(
    usual: Columns, text_column: str | None, label_column: str | None, delimiter: str | None = None
) -> Columns:
    """The family's columns, but those that a person named; and the delimiter of CSV files, if one was said."""
    named = {"text_column": text_column, "label_column": label_column, "delimiter": delimiter}
    return usual.model_copy(update={field: name for field, name in named.items() if name is not None})


def read_fresh_rows(
    files: Sequence[Path],
    columns: Columns,
    usual: Columns,
    *,
    form: AnswerForm,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> list[Row]:
    """The distinct, consistent rows of data files; of twins, the one with a label. A label may be missing, null or blank.

    `form`: in which labels are compared. `tell`: hears how many rows were left out, and how values were read that are not
    taken as they are written. A whole label column may be missing only where it is the `usual` one. Raises UserError naming
    the first record that cannot be used.
    """
    rows: list[Row] = []
    placed: list[Placed] = []
    for file in files:
        for record in _records(file, columns, usual):
            unlabelled = _is_blank(record.values.get(columns.label_column))
            if unlabelled:
                record = replace(record, values={**record.values, columns.label_column: _TO_COME})
            checked = check_record(record, columns.config, role="validation", source=str(file))
            if isinstance(checked, Rejected):
                raise UserError(checked.fault, file=checked.place)
            placed.append(checked)
            rows.append(replace(checked.row, label=UNLABELLED) if unlabelled else checked.row)
    labelled = {same_text_key(row.text) for row in rows if row.label != UNLABELLED}
    rows = [row for row in rows if row.label != UNLABELLED or same_text_key(row.text) not in labelled]
    consistent, _ = without_contradictions({"validation": rows}, form)
    distinct = without_duplicates(consistent["validation"], form)
    for sentence in remarks_on_rows(placed, ()):
        tell(sentence)
    contradicting = len(rows) - len(consistent["validation"])
    if len(distinct) < len(placed):
        repeated = len(placed) - contradicting - len(distinct)
        tell(f"{len(placed):,} rows were read; left out: {repeated:,} repeated, {contradicting:,} contradicting")
    return distinct


def _records(file: Path, columns: Columns, usual: Columns) -> list[RawRecord]:
    """All records; only a label column that nobody named may be missing altogether."""

    def read(names: Sequence[str]) -> list[RawRecord]:
        return list(read_records(file, required_format(file), names, location=str(file), delimiter=columns.delimiter))

    try:
        return read(columns.names)
    except MissingColumnError:
        if columns.label_column != usual.label_column:
            raise
        return read([columns.text_column])


def _is_blank(value: object) -> bool:
    return is_missing(value) or (isinstance(value, str) and not value.strip())
