"""What the gate rows said, of the bundle and against the champion."""

from tasks.artifact import Record
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


class GenerationScores(Record):
    """What only generation is judged by, on the gate rows' completions as they serve.

    `token_f1`, `rouge_l`: means over the rows; `token_f1_low`, `rouge_l_low`: their lower confidence bounds.
    `json_validity`: share of the completions that are JSON, None where the gold completions are not. `perplexity`: of the
    gold completions under the reference path, `served_perplexity` under the last path as it serves. `identical`: share of
    answers that are the same as plain greedy decoding's of the path that gave them.
    """

    token_f1: float
    token_f1_low: float
    rouge_l: float
    rouge_l_low: float
    json_validity: Interval | None
    perplexity: float
    served_perplexity: float
    identical: Interval
    mean_tokens: float


class EvaluationResult(Record):
    """The routed model on the gate rows; out-of-scope rows are right when abstained from.

    `macro_f1_low`, `expected_calibration_error_high`: confidence bounds that gates on these two are judged by; without
    one such a gate is never proven. `in_scope_accuracy` is on rows that have a trained label. What only one task family
    is judged by is None in the others, `generation` in classification. `unanswered`: rows that the bundle refuses, by split
    (`gate`, and `certify` where it can be told); they count as wrong. None in results from before they were counted.
    `reference` compares routed with the fp32 fine-tuned model; `disagreement` is the share of rows that the two answer
    differently: it needs no labels, and bounds the loss whatever they are.
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
    in_scope_accuracy: Interval | None = None
    reference_in_scope_accuracy: Interval | None = None
    macro_f1: float | None = None
    expected_calibration_error: float | None = None
    out_of_scope_recall: Interval | None = None
    out_of_scope_auroc: float | None = None
    out_of_scope_fpr95: float | None = None
    out_of_scope_early_share: float | None = None
    macro_f1_low: float | None = None
    expected_calibration_error_high: float | None = None
    generation: GenerationScores | None = None
    unanswered: dict[str, int] | None = None


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
