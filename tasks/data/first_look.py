"""A look at the data before anything is started: what a person can get wrong in them is said at once.

It takes a second or two and needs no base model; the snapshot reads everything again and judges for good, with the same checks.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from tasks.data.checked import checked_records
from tasks.data.parted import Locations, locations_of, part_rows, refuse_unfit_rows
from tasks.data.sources import Source
from tasks.data.validation import Placed, Rejected, refuse_too_many
from tasks.recipe.data import AnyData

MOST_ROWS: Final = 50_000
"""That are looked at, of each file."""
MOST_PARTED: Final = 10_000
"""Rows that are parted to see how many are left for each split; of more there are enough for most promises."""


def look_at(config: AnyData, sources: Sequence[Source], *, seed: int, special_tokens: Sequence[str] = ()) -> int | None:
    """How many rows `certify` will have, as far as no tokenizer is asked; None where there are too many to tell at once.

    `special_tokens`: what no row may spell out. Raises UserError for what the snapshot would refuse. Of a file with more than
    `MOST_ROWS`, it is refused that it cannot be read, lacks a column, or that none of its first rows can be used.
    """
    placed: list[Placed] = []
    rejected: list[Rejected] = []
    cut: set[str] = set()
    for source in sources:
        records = checked_records(config, source, special_tokens)
        for checked in islice(records, MOST_ROWS):
            if isinstance(checked, Placed):
                placed.append(checked)
            else:
                rejected.append(checked)
        if next(records, None) is not None:
            cut.add(source.role)
    locations = locations_of(sources)
    if cut:
        _refuse_useless(placed, rejected, config, locations, cut)
        return None
    refuse_unfit_rows(placed, rejected, config, locations)
    if len(placed) > MOST_PARTED:
        return None
    return len(part_rows(placed, config, locations, seed=seed).splits["certify"])


def _refuse_useless(
    placed: Sequence[Placed], rejected: Sequence[Rejected], config: AnyData, locations: Locations, cut: set[str]
) -> None:
    """`cut`: the roles of which a part of the rows is here, of which only that not one can be used says something."""
    for role in locations:
        usable = sum(entry.role == role for entry in placed)
        unusable = [entry for entry in rejected if entry.role == role]
        limit = config.max_quarantined_share if role not in cut else (1.0 if usable else 0.0)
        refuse_too_many(unusable, {role: usable + len(unusable)}, locations, limit=limit)
