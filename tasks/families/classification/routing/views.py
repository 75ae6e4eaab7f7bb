"""Answers of a split as the router sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.classification.router import PathRule, Reading
from tasks.certification.chain import PathView
from tasks.families.classification.routing.answers import ABSTAIN, PathAnswers, SplitAnswers


@dataclass(frozen=True)
class ReadSplit:
    """`views`: one per path; `answers`: (paths, rows) label ids or ABSTAIN, were that path the last;

    `out_of_scope`: (paths, rows) scores.
    """

    views: tuple[PathView, ...]
    answers: NDArray[np.int64]
    out_of_scope: NDArray[np.float64]

    def with_stop_scores(self, scores: NDArray[np.float64]) -> "ReadSplit":
        """The same with other (paths, rows) stop scores."""
        views = tuple(replace(view, score=own) for view, own in zip(self.views, scores, strict=True))
        return replace(self, views=views)


def read_split(split: SplitAnswers, rules: Sequence[PathRule], out_of_scope_id: int | None) -> ReadSplit:
    """Read every path of a split with its rule, with the engine's own code, row by row."""
    readings: list[list[Reading]] = []
    for path, rule in zip(split.paths, rules, strict=True):
        before = readings[-1] if readings else None
        readings.append(read_rows_of_path(rule, path, split, before, out_of_scope_id))
    return read(readings, split.truth)


def read(readings: Sequence[Sequence[Reading]], truth: NDArray[np.int64]) -> ReadSplit:
    """What the paths said of each row, one sequence per path, beside the (rows,) truth."""
    answers = np.array([[ABSTAIN if row.flagged else row.label for row in path] for path in readings], dtype=np.int64)
    views = tuple(
        PathView(
            score=np.array([row.stop_score for row in path]),
            may_stop=np.array([row.may_stop for row in path]),
            right=answer == truth,
        )
        for path, answer in zip(readings, answers, strict=True)
    )
    return ReadSplit(views, answers, np.array([[row.out_of_scope for row in path] for path in readings]))


def read_rows_of_path(
    rule: PathRule,
    path: PathAnswers,
    split: SplitAnswers,
    before: Sequence[Reading] | None,
    out_of_scope_id: int | None,
) -> list[Reading]:
    """One path on all rows; `before`: what the path before said of each."""
    return [
        rule.read(
            path.logits[row],
            None if path.embeddings is None else path.embeddings[row],
            None if before is None else before[row],
            tokens=int(split.tokens[row]),
            novelty=float(split.novelty[row]),
            out_of_scope_id=out_of_scope_id,
        )
        for row in range(len(split.truth))
    ]
