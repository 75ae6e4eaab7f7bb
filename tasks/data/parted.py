"""From rows that can be read to the four splits: what contradicts, repeats or leaks leaves, and what is left is judged.

Nothing is written here, and no base model is needed: the snapshot parts the rows that it keeps, and a first look parts those
that a recipe names, before anything is started.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.data.completions import answer_form
from tasks.data.contradictions import refuse_contradictions
from tasks.data.duplicates import Leak, without_contradictions, without_duplicates, without_leaks
from tasks.data.label_checks import (
    refuse_few_rows,
    refuse_misspelt_out_of_scope,
    refuse_thin_labels,
    refuse_unknown_labels,
)
from tasks.data.rows import SPLITS, Row
from tasks.data.sources import Source
from tasks.data.splits import assign_splits
from tasks.data.tokens import UNREADABLE, WORDLESS
from tasks.data.validation import SPELLS_OUT, Placed, Rejected, refuse_too_many
from tasks.errors import UserError
from tasks.hints import shortened
from tasks.recipe.data import AnyData

LANDED: Final = "landed"
"""The role of rows that came in later: they are judged where they land, and added to the splits of the others."""

Locations = Mapping[str, Sequence[str]]
"""The names of the sources, by role."""


@dataclass(frozen=True)
class Parted:
    """`read` counts the rows that were parted, `consistent` those of them that contradict none, `distinct` each of these once.

    `contradicting`: texts with several labels, and these labels.
    """

    splits: dict[str, list[Row]]
    leaks: list[Leak]
    contradicting: dict[str, tuple[str, ...]]
    read: int
    consistent: int
    distinct: int


def locations_of(sources: Sequence[Source]) -> dict[str, list[str]]:
    """What the sources of each role are called, in their order."""
    locations: dict[str, list[str]] = {}
    for source in sources:
        locations.setdefault(source.role, []).append(source.location)
    return locations


def refuse_unfit_rows(
    placed: Sequence[Placed], rejected: Sequence[Rejected], config: AnyData, locations: Locations
) -> None:
    """Raise UserError where too many rows cannot be used, or the labels that they have cannot be what is meant."""
    rows_read = Counter(entry.role for entry in placed) + Counter(entry.role for entry in rejected)
    # What had landed before could not be checked for these, and stays: it must not end every later run.
    limited = [entry for entry in rejected if not (entry.role == LANDED and _is_by_tokenizer(entry.reason))]
    refuse_too_many(
        limited, {role: rows_read[role] for role in locations}, locations, limit=config.max_quarantined_share
    )
    if config.classes:
        refuse_unknown_labels(placed, config)
        refuse_misspelt_out_of_scope(placed, config)
        refuse_few_rows([entry.row for entry in placed if entry.role == "train"], config, locations)


def part_rows(placed: Sequence[Placed], config: AnyData, locations: Locations, *, seed: int) -> Parted:
    """The rows of every role but landed in their splits. Raises UserError for rows that no model should be made of."""
    by_role: defaultdict[str, list[Row]] = defaultdict(list, {role: [] for role in locations if role != LANDED})
    for entry in placed:
        if entry.role != LANDED:
            by_role[entry.role].append(entry.row)
    form = answer_form(config)
    consistent, contradicting = without_contradictions(by_role, form)
    if not config.classes:
        refuse_contradictions(placed, contradicting, config)
    distinct = {role: without_duplicates(rows, form) for role, rows in consistent.items()}
    assigned = assign_splits(distinct, config.shares, seed=seed, classes=config.classes)
    splits, leaks = without_leaks(assigned, similarity=config.near_duplicate_similarity, form=form)
    if config.classes:
        refuse_thin_labels(splits["train"], by_role["train"], leaks, locations)
    _refuse_empty_splits(splits, locations, config.out_of_scope_label)
    return Parted(splits, leaks, contradicting, _count(by_role), _count(consistent), _count(distinct))


def _is_by_tokenizer(reason: str) -> bool:
    return any(words in reason for words in (SPELLS_OUT, WORDLESS, UNREADABLE))


def _refuse_empty_splits(splits: Mapping[str, Sequence[Row]], locations: Locations, outside: str | None) -> None:
    for split in SPLITS:
        if all(row.label == outside for row in splits[split]):
            origin = {"gate": "test", "train": "train"}.get(split, "validation")
            files = shortened(locations.get(origin, locations["train"]))
            what = "no rows in scope" if splits[split] else "no rows"
            raise UserError(
                f"{what} are left for the split {split!r}; add rows, or enlarge its data.shares", file=files
            )


def _count(rows_by_role: Mapping[str, Sequence[Row]]) -> int:
    return sum(len(rows) for rows in rows_by_role.values())
