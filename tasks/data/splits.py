"""Who belongs to train, tune, certify and gate: by a seeded hash of each row's content, within each label (or slice).

A row's place among the rows of its label does not depend on the order of files or on other rows, so that a data set that grows
moves few rows from one split to another. Shares are rounded per label by a seeded draw that is unbiased over labels: many
small classes still give splits of the wanted size.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from tasks.data.rows import SPLITS, Row, content_hash
from tasks.recipe.data import SplitShares

# A class that is trained on keeps at least this many rows, even if the splits carved from it get none then.
MIN_TRAIN_ROWS: Final = 2
_ROUNDING: Final = 1e-9


def assign_splits(
    rows_by_role: Mapping[str, Sequence[Row]], shares: SplitShares, *, seed: int, classes: bool = True
) -> dict[str, list[Row]]:
    """All rows in their splits; `rows_by_role` has `train` and perhaps `validation` and `test`.

    They are stratified by label, or by slice where the labels are no `classes` but completions.

    test becomes gate, validation is parted into tune and certify; what has no rows of its own is carved from train.
    Nothing but `seed` and the rows decides; the rows of a role are expected to be free of duplicates.
    """
    carved_from_train: dict[str, float] = {}
    splits: dict[str, list[Row]] = {split: [] for split in SPLITS}
    if "test" in rows_by_role:
        splits["gate"] = list(rows_by_role["test"])
    else:
        carved_from_train["gate"] = shares.gate
    if "validation" in rows_by_role:
        tune = {"tune": shares.tune_of_validation}
        splits |= _stratified(rows_by_role["validation"], tune, rest="certify", keep=0, seed=seed, classes=classes)
    else:
        carved_from_train |= {"certify": shares.certify, "tune": shares.tune}
    splits |= _stratified(
        rows_by_role["train"], carved_from_train, rest="train", keep=MIN_TRAIN_ROWS, seed=seed, classes=classes
    )
    return splits


def _stratified(
    rows: Sequence[Row], shares: Mapping[str, float], *, rest: str, keep: int, seed: int, classes: bool
) -> dict[str, list[Row]]:
    """Parts `rows` by `shares` within each stratum; `rest` gets what remains, at least `keep` rows of one if there are."""
    strata: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        strata[row.label if classes else row.slice or ""].append(row)
    parts: dict[str, list[Row]] = {name: [] for name in (*shares, rest)}
    upper = np.cumsum(list(shares.values()))
    for stratum, members in sorted(strata.items()):
        members.sort(key=lambda row: content_hash(row, seed))
        wanted = np.floor(upper * len(members) + _draw(stratum, seed) + _ROUNDING).astype(int).tolist()
        most = max(0, len(members) - keep)
        boundaries = [0, *(min(boundary, most) for boundary in wanted), len(members)]
        for name, (start, end) in zip(parts, pairwise(boundaries), strict=True):
            parts[name].extend(members[start:end])
    return parts


def _draw(stratum: str, seed: int) -> float:
    """A number in [0, 1) that belongs to a stratum and a seed."""
    return int.from_bytes(content_hash(Row("", stratum), seed)[:6]) / 2**48
