"""Answers of the ladder and of the reference path on the splits that calibration may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.classification.ladder import Path as LadderPath
from engine.classification.router import Router
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact
from tasks.data.rows import Row, read_rows
from tasks.families.classification.routing.answers import PathAnswers, SplitAnswers, answer_rows
from tasks.families.classification.routing.views import ReadSplit, read_split
from tasks.records import SnapshotResult

ROWS_PER_LABEL: Final = 48
FEWEST_STATISTICS_ROWS: Final = 2048
"""Train rows for class centres and covariances: so many per label, and so many at least. A covariance of some hundred
dimensions that rests on as many rows tells little at an early path, and less with every label that is added."""


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

    def read_reference(self, router: Router) -> ReadSplit:
        """The reference path's answers by its own rule; `router` has that path alone."""
        return read_split(self.reference_alone, router.rules, router.out_of_scope_id)


@dataclass(frozen=True)
class Material:
    """`train`: a stratified part of it; `tune`, `certify`: all rows."""

    train: Answered
    tune: Answered
    certify: Answered

    def with_reference_last(self) -> "Material":
        """The same answers with the reference path as the last of the ladder."""
        return Material(*(split.with_reference_last() for split in (self.train, self.tune, self.certify)))


def answered(
    rows: Sequence[Row],
    ladder: Sequence[LadderPath],
    reference: LadderPath,
    tokenizer: TextTokenizer,
    labels: Sequence[str],
    out_of_scope_label: str | None,
) -> Answered:
    """Answer rows with every path of the ladder and with the reference path."""
    everything = answer_rows((*ladder, reference), tokenizer, rows, labels, out_of_scope_label)
    return Answered(replace(everything, paths=everything.paths[:-1]), everything.paths[-1])


def collect(
    snapshot: Artifact[SnapshotResult],
    ladder: Sequence[LadderPath],
    reference: LadderPath,
    tokenizer: TextTokenizer,
    progress: Callable[[str], None],
    known: Material | None = None,
) -> Material:
    """Answer every row with every path. The reference path's answers are taken from `known` where that is given."""
    answers, data = {}, snapshot.result
    for split in ("train", "tune", "certify"):
        rows = read_rows(snapshot, split)
        if split == "train":
            rows = _stratified(rows, max(FEWEST_STATISTICS_ROWS, ROWS_PER_LABEL * len(snapshot.result.labels)))
        progress(f"answers of all paths on {len(rows)} rows of {split}")
        if known is None:
            answers[split] = answered(rows, ladder, reference, tokenizer, data.labels, data.out_of_scope_label)
        else:
            own = answer_rows(ladder, tokenizer, rows, data.labels, data.out_of_scope_label)
            answers[split] = Answered(own, getattr(known, split).reference)
    return Material(**answers)


def _stratified(rows: Sequence[Row], most: int) -> list[Row]:
    """Every n-th row in order of the labels: each label keeps its share."""
    ordered = sorted(rows, key=lambda row: row.label)
    return ordered[:: -(-len(ordered) // most)]
