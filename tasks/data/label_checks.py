"""Refuses labels that no classifier should be made of: unknown ones, misspelt ones, those with too few rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tasks.data.duplicates import Leak
from tasks.data.rows import SPLITS, Row
from tasks.data.splits import MIN_TRAIN_ROWS
from tasks.data.validation import Placed
from tasks.errors import UserError
from tasks.hints import did_you_mean, quote, shortened
from tasks.recipe.data import AnyData

_LANDED: Final = "landed"


def refuse_unknown_labels(placed: Iterable[Placed], config: AnyData) -> None:
    """Raise UserError for a label in the rows to judge by that no training row has."""
    placed = list(placed)
    known = {entry.row.label for entry in placed if entry.role == "train"}
    for entry in placed:
        label = entry.row.label
        if entry.role != _LANDED and label not in known and label != config.out_of_scope_label:
            raise UserError(
                f"unknown label {quote(label)} in {entry.role} data: no training row has it{did_you_mean(label, known)}"
                f" (add training rows, or name it as data.out_of_scope_label)",
                file=entry.place,
            )


def refuse_misspelt_out_of_scope(placed: Iterable[Placed], config: AnyData) -> None:
    """Raise UserError where no row has the out-of-scope label, but one that differs from it in case alone.

    Rows with that label would be trained on as a class of their own.
    """
    outside = config.out_of_scope_label
    labels = {entry.row.label for entry in placed}
    if outside is None or outside in labels:
        return
    meant = next((label for label in sorted(labels) if label.casefold() == outside.casefold()), None)
    if meant is not None:
        raise UserError(
            f"no row has the label {quote(outside)}, but {quote(meant)} is there; write it as the rows do",
            field="data.out_of_scope_label",
        )


def refuse_few_rows(train_rows: Sequence[Row], config: AnyData, locations: Mapping[str, Sequence[str]]) -> None:
    """Raise UserError for fewer than two classes, and for a class with too few rows, before any of them leaves."""
    read = Counter(row.label for row in train_rows)
    in_scope = [label for label in read if label != config.out_of_scope_label]
    train_files = shortened(locations["train"])
    if len(in_scope) < 2:
        only = f"only {quote(in_scope[0])}" if in_scope else "none but the out-of-scope label"
        raise UserError(f"a classifier needs at least two labels; the training rows have {only}", file=train_files)
    thin = [label for label in sorted(read) if read[label] < MIN_TRAIN_ROWS]
    if thin:
        raise UserError(
            f"label {quote(thin[0])} has {read[thin[0]]} training row{'s' * (read[thin[0]] != 1)}{_others(thin)}, at least "
            f"{MIN_TRAIN_ROWS} are needed; add rows, or give them another label",
            file=train_files,
        )


def refuse_thin_labels(
    left_to_train: Sequence[Row],
    train_rows: Sequence[Row],
    leaks: Iterable[Leak],
    locations: Mapping[str, Sequence[str]],
) -> None:
    """Raise UserError for a class with too few rows left to train on.

    `train_rows`: the training rows as they were read; with `leaks` they tell what a class lost its rows to.
    """
    read = Counter(row.label for row in train_rows)
    left = Counter(row.label for row in left_to_train)
    leaked = Counter((leak.row.label, leak.other_split) for leak in leaks if leak.split == "train")
    thin = [label for label in sorted(read) if left[label] < MIN_TRAIN_ROWS]
    if thin:
        label = thin[0]
        lost = [f"{leaked[label, split]} (nearly) repeat rows of {split}" for split in SPLITS if leaked[label, split]]
        raise UserError(
            f"label {quote(label)} has {left[label]} of its {read[label]} rows left to train on{_others(thin)}, at least "
            f"{MIN_TRAIN_ROWS} are needed ({', '.join([*lost, 'the others'] if lost else ['the others'])} are duplicates, "
            "contradict one another, or went into another split); add rows, or let only closer texts count as repeated by a "
            "higher data.near_duplicate_similarity",
            file=shortened(locations["train"]),
        )


def _others(thin: Sequence[str]) -> str:
    return f" (and {len(thin) - 1} more labels like it)" if len(thin) > 1 else ""
