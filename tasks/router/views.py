"""Answers of a split as the router sees them, and the reference path's answers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.router import PathRule, Reading, read_path
from tasks.router.answers import ABSTAIN, SplitAnswers
from tasks.router.chain import PathView


@dataclass(frozen=True)
class ReadSplit:
    """`readings`, `views`: one per path; `answers`: (paths, rows) label ids or ABSTAIN, were that path the last."""

    readings: tuple[Reading, ...]
    views: tuple[PathView, ...]
    answers: NDArray[np.int64]


def read_split(split: SplitAnswers, rules: Sequence[PathRule], out_of_scope_id: int | None) -> ReadSplit:
    """Read every path of a split with its rule."""
    previous = np.full(len(split.truth), ABSTAIN)
    readings = []
    for path, rule in zip(split.paths, rules, strict=True):
        reading = read_path(rule, out_of_scope_id, path.logits, path.embeddings, previous, split.tokens)
        readings.append(reading)
        previous = reading.labels
    answers = np.stack([answered(reading) for reading in readings])
    views = tuple(
        PathView(reading.stop_score, ~reading.flagged, answer == split.truth)
        for reading, answer in zip(readings, answers, strict=True)
    )
    return ReadSplit(tuple(readings), views, answers)


def answered(reading: Reading) -> NDArray[np.int64]:
    """(rows,) label ids, ABSTAIN where flagged."""
    return np.where(reading.flagged, ABSTAIN, reading.labels)
