"""What the drift tests found and what was decided, as frozen records; every number that led to a decision is in them."""

from typing import Literal

from tasks.artifact import Record
from tasks.recipe.drift import DriftPolicy
from tasks.records import Interval

Outcome = Literal["nothing", "recalibrate", "retrain"]


class NewName(Record):
    """A label or domain that the snapshot does not have, with its fresh rows."""

    kind: Literal["label", "domain"]
    name: str
    rows: int


class LabelShift(Record):
    """The mix of known labels in the snapshot's training rows against the fresh rows.

    `g`: the likelihood-ratio statistic, with its permutation p-value; `distance`: total variation, in [0, 1];
    `pooled`: labels too rare to be tested alone, taken as one. The labels that are new take no part.
    """

    old_rows: int
    new_rows: int
    labels: int
    pooled: int
    g: float
    distance: float
    p_value: float


class VocabularyShift(Record):
    """Words of the fresh rows against words of the training rows.

    `unknown_words`: share of the fresh rows' words that no training row has; `gate_unknown_words`: the same of the gate
    rows, which is what fresh rows of the same source would show. `divergence`: Jensen-Shannon, in bits, of the unigram
    distributions of two samples of `old_rows` and `new_rows` rows, with its permutation p-value.
    """

    unknown_words: float
    gate_unknown_words: float
    old_rows: int
    new_rows: int
    divergence: float
    p_value: float


class EmbeddingShift(Record):
    """The kernel two-sample test: unbiased `mmd2` with a Gaussian kernel of `bandwidth`, and its permutation p-value."""

    old_rows: int
    new_rows: int
    dimensions: int
    bandwidth: float
    mmd2: float
    p_value: float


class DomainAnswers(Record):
    """The champion's answers to one domain's `rows` fresh rows.

    Shares are of the rows with labels that the champion knows, and None where there are no such rows.
    """

    domain: str
    rows: int
    accuracy: Interval | None
    gate_accuracy: Interval | None
    out_of_scope: Interval | None
    gate_out_of_scope: Interval | None


class AnswerShift(Record):
    """The champion's answers to fresh rows against those to the gate rows.

    Accuracy and the share of abstentions, `out_of_scope`, are of the rows with known labels, and None, as their tests
    are, where there are none; `new_labels_abstained` is the share of abstentions among the others. `drop_low`: lower
    bound, at the policy's confidence, of gate accuracy less fresh accuracy. p-values: `drop` of "accuracy did not fall",
    `beyond` of "it fell by at most the policy's max_accuracy_drop", `out_of_scope` of "the share of abstentions is the
    same" (Fisher's exact test, two-sided).
    """

    accuracy: Interval | None
    gate_accuracy: Interval
    drop_low: float | None
    drop_p_value: float | None
    beyond_p_value: float | None
    out_of_scope: Interval | None
    gate_out_of_scope: Interval
    out_of_scope_p_value: float | None
    new_labels_abstained: Interval | None
    domains: tuple[DomainAnswers, ...]


class DriftReport(Record):
    """All of it. Parts are None where there are fewer fresh rows than the policy's `min_rows`, or nothing to compare.

    `rows`: new rows as given. `repeated`: of these, rows that repeat another or that the snapshot has; the rest is
    `fresh`. `relabelled`: fresh rows whose text the snapshot has under another label.
    """

    rows: int
    repeated: int
    relabelled: int
    fresh: int
    new_names: tuple[NewName, ...]
    labels: LabelShift | None
    vocabulary: VocabularyShift | None
    embedding: EmbeddingShift | None
    answers: AnswerShift | None
    seed: int


class JudgedTest(Record):
    """One test with its p-value as it was and as Holm's correction left it."""

    name: str
    p_value: float
    adjusted_p_value: float
    significant: bool


class Finding(Record):
    """One rule: what it would call for, whether it holds, and a sentence with its numbers and thresholds."""

    rule: str
    calls_for: Outcome
    holds: bool
    sentence: str


class Decision(Record):
    """`outcome`, the findings of every rule that was looked at, the corrected tests, and the policy they were held against."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    tests: tuple[JudgedTest, ...]
    policy: DriftPolicy

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences of the findings that led to the outcome: those that call for it, or all where nothing is to be done."""
        if self.outcome == "nothing":
            return tuple(finding.sentence for finding in self.findings)
        return tuple(entry.sentence for entry in self.findings if entry.holds and entry.calls_for == self.outcome)
