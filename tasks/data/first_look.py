"""A look at the beginning of the data, before anything is started: most of what a person can get wrong shows there.

It takes a moment; the snapshot reads everything and judges for good, with the same checks.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Final

from tasks.data.label_checks import refuse_misspelt_out_of_scope, refuse_unknown_labels
from tasks.data.readers import read_records
from tasks.data.sources import Source
from tasks.data.validation import Placed, Rejected, check_record, refuse_too_many
from tasks.recipe.data import AnyData

MOST_ROWS: Final = 2_000
"""That are looked at, of each file."""


def look_at(config: AnyData, sources: Sequence[Source]) -> None:
    """Raises UserError where a file cannot be read or lacks a column, or where none of its first rows can be used.

    Of files that end before `MOST_ROWS`, also where too many rows cannot, or a label is one that no training row has.
    """
    columns = [config.text_column, config.label_column, *([config.slice_column] if config.slice_column else [])]
    placed: dict[str, list[Placed]] = defaultdict(list)
    rejected: dict[str, list[Rejected]] = defaultdict(list)
    cut: set[str] = set()
    for source in sources:
        records = read_records(
            source.path, source.format, columns, location=source.location, delimiter=config.delimiter
        )
        for record in islice(records, MOST_ROWS):
            checked = check_record(record, config, role=source.role, source=source.location)
            if isinstance(checked, Placed):
                placed[source.role].append(checked)
            else:
                rejected[source.role].append(checked)
        if next(records, None) is not None:
            cut.add(source.role)
    files = {role: [source.location for source in sources if source.role == role] for role in placed | rejected}
    for role in files:
        read = len(placed[role]) + len(rejected[role])
        # Of a part of the rows, only that not one can be used says that the whole cannot.
        limit = config.max_quarantined_share if role not in cut else (0.0 if not placed[role] else 1.0)
        refuse_too_many(rejected[role], {role: read}, files, limit=limit)
    if config.classes and not cut:
        everything = [entry for rows in placed.values() for entry in rows]
        refuse_misspelt_out_of_scope(everything, config)
        refuse_unknown_labels(everything, config)
