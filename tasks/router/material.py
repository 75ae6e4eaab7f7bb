"""Answers of the ladder and of the reference path on the splits that calibration may see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.ladder import Path as LadderPath
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import Row, read_rows
from tasks.records import SnapshotResult
from tasks.router.answers import PathAnswers, SplitAnswers, answer_rows

STATISTICS_ROWS: Final = 1500
"""Train rows at most for class centres and covariances."""


@dataclass(frozen=True)
class Answered:
    """One split: the ladder's answers, and the reference path's on the same rows."""

    ladder: SplitAnswers
    reference: PathAnswers

    def with_reference_last(self) -> "Answered":
        """The same split with the reference path as the last of the ladder."""
        return Answered(replace(self.ladder, paths=(*self.ladder.paths, self.reference)), self.reference)

    @property
    def reference_alone(self) -> SplitAnswers:
        """The split as a ladder of one path, the reference."""
        return replace(self.ladder, paths=(self.reference,))


@dataclass(frozen=True)
class Material:
    """`train`: a stratified part of it; `tune`, `certify`: all rows."""

    train: Answered
    tune: Answered
    certify: Answered

    def with_reference_last(self) -> "Material":
        """The same answers with the reference path as the last of the ladder."""
        return Material(*(split.with_reference_last() for split in (self.train, self.tune, self.certify)))


def collect(
    snapshot: Artifact[SnapshotResult],
    ladder: Sequence[LadderPath],
    reference: LadderPath,
    tokenizer: TextTokenizer,
    workspace: Workspace,
) -> Material:
    """Answer every row with every path."""
    answers = {}
    for number, split in enumerate(("train", "tune", "certify")):
        rows = read_rows(snapshot, split)
        if split == "train":
            rows = _stratified(rows, STATISTICS_ROWS)
        workspace.progress(f"answers of all paths on {len(rows)} rows of {split}", 0.2 * number)
        data = snapshot.result
        everything = answer_rows((*ladder, reference), tokenizer, rows, data.labels, data.out_of_scope_label)
        answers[split] = Answered(replace(everything, paths=everything.paths[:-1]), everything.paths[-1])
    return Material(**answers)


def _stratified(rows: Sequence[Row], most: int) -> list[Row]:
    """Every n-th row in order of the labels: each label keeps its share."""
    ordered = sorted(rows, key=lambda row: row.label)
    return ordered[:: -(-len(ordered) // most)]
