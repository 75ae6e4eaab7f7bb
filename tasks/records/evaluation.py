"""What the gate rows said, of the bundle and against the champion."""

from tasks.artifact import Record
from tasks.records.figures import Figure, share
from tasks.records.statistics import Interval, PairedTest


class SliceAccuracy(Record):
    """Accuracy of one slice or one class of the gate rows."""

    name: str
    accuracy: Interval


class PathEvaluation(Record):
    """One path on the gate rows: accuracy alone, share of rows it answered, accuracy on those, mean cost if used alone."""

    name: str
    accuracy: Interval
    stop_share: float
    accuracy_when_stopped: float | None
    cost_ms: float


class EvaluationResult(Record):
    """The routed model on the gate rows.

    `reference` compares routed with the reference path; `disagreement` is the share of rows that the two answer differently: it
    needs no labels, and bounds the loss whatever they are. `figures`: what else the task family judges its answers by.
    `unanswered`: rows that the bundle refuses, by split (`gate`, and `certify` where it can be told); they count as wrong. None
    in results from before they were counted.
    """

    rows: int
    accuracy: Interval
    reference_accuracy: Interval
    static_accuracy: Interval
    reference: PairedTest
    disagreement: Interval
    slices: tuple[SliceAccuracy, ...]
    classes: tuple[SliceAccuracy, ...]
    paths: tuple[PathEvaluation, ...]
    leaking_rows: int
    figures: tuple[Figure, ...] = ()
    unanswered: dict[str, int] | None = None

    def figure(self, name: str) -> Figure | None:
        """The figure of this name, of which the accuracy is one; None where the family has none."""
        known = (share("accuracy", "accuracy", self.accuracy), *self.figures)
        return next((figure for figure in known if figure.name == name), None)


class SliceComparison(Record):
    """The same two models on the gate rows of one slice; `test` as in ChampionComparison."""

    name: str
    test: PairedTest


class ChampionComparison(Record):
    """The bundle under judgement (`challenger_digest`) and the version that serves now, on the same gate rows.

    `bundle_digest` is the champion's. In `test` the champion is the parent: harms are rows that only it answers right.
    Its epsilon is 0, so that a small p-value proves an improvement; margins are the gates' business. Both accuracies
    have exact intervals. Where a gate split was carved anew, the champion may have been trained on some of its rows,
    which can only make it look better.
    """

    name: str
    version: int
    bundle_digest: str
    challenger_digest: str
    test: PairedTest
    accuracy: Interval
    champion_accuracy: Interval
    slices: tuple[SliceComparison, ...] = ()

    @property
    def uri(self) -> str:
        """The champion's reference."""
        return f"models:/{self.name}/{self.version}"


class UnreadableChampion(Record):
    """The version that serves now where it cannot be compared with: its bytes are gone, altered, or do not load."""

    name: str
    version: int
    problem: str

    @property
    def uri(self) -> str:
        """The champion's reference."""
        return f"models:/{self.name}/{self.version}"
