"""Answers of a split as the router sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.router import PathRule, Reading
from tasks.router.answers import ABSTAIN, PathAnswers, SplitAnswers
from tasks.router.chain import PathView


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
    before: list[Reading] | None = None
    views, answers, outside = [], [], []
    for path, rule in zip(split.paths, rules, strict=True):
        before = read_rows_of_path(rule, path, split, before, out_of_scope_id)
        answer = np.array([ABSTAIN if reading.flagged else reading.label for reading in before], dtype=np.int64)
        views.append(
            PathView(
                score=np.array([reading.stop_score for reading in before]),
                may_stop=np.array([reading.may_stop for reading in before]),
                right=answer == split.truth,
            )
        )
        answers.append(answer)
        outside.append(np.array([reading.out_of_scope for reading in before]))
    return ReadSplit(tuple(views), np.stack(answers), np.stack(outside))


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
