"""Rows that landed after the recipe's own: into which splits they go, and which of them are left out.

They give way to all rows that were there before, so that no row changes its split when data lands: what a model was
trained on is never judged by. A landed row's split follows from its text and label alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from tasks.data.completions import AnswerForm, answer_form
from tasks.data.duplicates import (
    Leak,
    same_text_key,
    without_contradictions,
    without_duplicates,
    without_leaks,
    without_repeats,
)
from tasks.data.rows import SPLITS, Row, content_hash
from tasks.data.splits import MIN_TRAIN_ROWS
from tasks.recipe.data import AnyData, SplitShares

_LANDED: Final = "landed"


@dataclass(frozen=True)
class Extension:
    """`added`: the rows that come into each split. The rest is left out for one of the reasons.

    `contradicting`: texts with several labels, or with another label than before. `thin`: rows by label, new and with too
    few rows to train on. `untrained`: rows of the split train, where that gets none.
    """

    added: dict[str, list[Row]]
    leaks: list[Leak]
    contradicting: dict[str, tuple[str, ...]]
    contradicting_rows: int
    repeated: int
    thin: dict[str, int]
    untrained: int


def extension(
    present: Mapping[str, Sequence[Row]],
    landed: Sequence[Row],
    config: AnyData,
    *,
    seed: int,
    trained: bool = True,
) -> Extension:
    """What `landed` adds to the splits of `present`.

    `config.shares` for gate, certify and tune of the landed rows go to those splits, the rest to train; without `trained`
    the rest stays out, and labels are known only if present rows have them.
    """
    similarity, form = config.near_duplicate_similarity, answer_form(config)
    consistent, contradicting = _consistent(present, landed, form)
    distinct = without_duplicates(consistent, form)
    assigned: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for row in distinct:
        assigned[split_of(row, config.shares, seed=seed)].append(row)
    news, repeats = without_repeats(assigned, present, similarity=similarity, form=form)
    apart, leaks = without_leaks(news, similarity=similarity, form=form)
    thin = _thin_labels(present["train"], apart, config.out_of_scope_label, trained=trained) if config.classes else {}
    kept = apart if trained else apart | {"train": []}
    return Extension(
        added={split: [row for row in kept[split] if row.label not in thin] for split in SPLITS},
        leaks=[*repeats.leaks, *leaks],
        contradicting=contradicting,
        contradicting_rows=len(landed) - len(consistent),
        repeated=len(consistent) - len(distinct) + repeats.same_split,
        thin=thin,
        untrained=sum(row.label not in thin for row in apart["train"]) if not trained else 0,
    )


def split_of(row: Row, shares: SplitShares, *, seed: int) -> str:
    """The split of a landed row: a draw that belongs to the row and the seed, whatever else lands."""
    draw = int.from_bytes(content_hash(row, seed)[:6]) / 2**48
    bounds = accumulate((shares.gate, shares.certify, shares.tune))
    return next(
        (split for split, bound in zip(("gate", "certify", "tune"), bounds, strict=True) if draw < bound), "train"
    )


def _consistent(
    present: Mapping[str, Sequence[Row]], landed: Sequence[Row], form: AnswerForm
) -> tuple[list[Row], dict[str, tuple[str, ...]]]:
    """Landed rows with one label each, which is the one that the text had before if it was there."""
    kept, contradicting = without_contradictions({_LANDED: landed}, form)
    before = {same_text_key(row.text): row.label for rows in present.values() for row in rows}
    agreeing = []
    for row in kept[_LANDED]:
        key = same_text_key(row.text)
        known = before.get(key, row.label)
        if form(known) == form(row.label):
            agreeing.append(row)
        else:
            contradicting[key] = tuple(sorted({known, row.label}))
    return agreeing, contradicting


def _thin_labels(
    train: Sequence[Row], added: Mapping[str, Sequence[Row]], out_of_scope_label: str | None, *, trained: bool
) -> dict[str, int]:
    """Labels that would have too few rows to train on, with all their rows; out of scope needs none."""
    known = Counter(row.label for row in train)
    new = Counter(row.label for row in added["train"]) if trained else Counter()
    rows: defaultdict[str, int] = defaultdict(int)
    for split in SPLITS:
        for row in added[split]:
            rows[row.label] += 1
    return {
        label: count
        for label, count in sorted(rows.items())
        if label != out_of_scope_label and known[label] + new[label] < MIN_TRAIN_ROWS
    }
