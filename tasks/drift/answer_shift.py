"""Does the champion still answer as well as at its gates? Accuracy and abstentions on fresh rows against the gate rows.

The rows are different ones, so nothing is paired; all intervals are exact, and so is the test of abstentions (Fisher).
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from tasks.data.rows import Row
from tasks.drift.records import AnswerShift, DomainAnswers
from tasks.recipe.drift import DriftPolicy
from tasks.records import Interval
from tasks.statistics.binomial import exact_interval
from tasks.statistics.two_proportions import drop_lower_bound, drop_p_value

Answers = Sequence[str | None]
"""One label per row; None (or the out-of-scope label) is an abstention."""
_NO_DOMAIN: Final = ""


def answer_shift(
    gate: tuple[Sequence[Row], Answers],
    new: tuple[Sequence[Row], Answers],
    *,
    labels: Set[str],
    out_of_scope_label: str | None,
    policy: DriftPolicy,
) -> AnswerShift:
    """Judge the champion's answers to rows; `labels` are those it was trained on.

    Rows of labels that it was not trained on are told apart: it cannot answer them, and it does well to abstain. Raises
    ValueError where no gate row has a known label, or there is not one answer per row.
    """
    then, now = (_Answered.of(*answered, labels, out_of_scope_label) for answered in (gate, new))
    before, after = _hits(then.right, then.known), _hits(now.right, now.known)
    abstained_before, abstained = _hits(then.abstained, then.known), _hits(now.abstained, now.known)
    compared = after[1] > 0
    return AnswerShift(
        accuracy=_interval(after, policy),
        gate_accuracy=exact_interval(*before, policy.confidence),
        drop_low=drop_lower_bound(before, after, policy.confidence) if compared else None,
        drop_p_value=drop_p_value(before, after, 0.0) if compared else None,
        beyond_p_value=drop_p_value(before, after, policy.max_accuracy_drop) if compared else None,
        out_of_scope=_interval(abstained, policy),
        gate_out_of_scope=exact_interval(*abstained_before, policy.confidence),
        out_of_scope_p_value=_fisher(abstained_before, abstained) if compared else None,
        new_labels_abstained=_interval(_hits(now.abstained, ~now.known), policy),
        domains=tuple(_domain(name, then, now, policy) for name in sorted({*now.domains.tolist()} - {_NO_DOMAIN})),
    )


@dataclass(frozen=True)
class _Answered:
    """Flags (rows,): the label is one the champion can answer; it is answered right; the champion abstained."""

    known: NDArray[np.bool_]
    right: NDArray[np.bool_]
    abstained: NDArray[np.bool_]
    domains: NDArray[np.str_]

    @classmethod
    def of(cls, rows: Sequence[Row], answers: Answers, labels: Set[str], out_of_scope: str | None) -> "_Answered":
        if len(rows) != len(answers):
            raise ValueError(f"{len(rows)} rows have {len(answers)} answers")
        given = [None if answer == out_of_scope else answer for answer in answers]
        expected = [None if row.label == out_of_scope else row.label for row in rows]
        known = _flags([label is None or label in labels for label in expected])
        return cls(
            known=known,
            right=known & _flags([answer == label for answer, label in zip(given, expected, strict=True)]),
            abstained=_flags([answer is None for answer in given]),
            domains=np.array([row.slice or _NO_DOMAIN for row in rows], dtype=np.str_),
        )


def _domain(name: str, then: _Answered, now: _Answered, policy: DriftPolicy) -> DomainAnswers:
    here, there = now.domains == name, then.domains == name
    return DomainAnswers(
        domain=name,
        rows=int(here.sum()),
        accuracy=_interval(_hits(now.right, now.known & here), policy),
        gate_accuracy=_interval(_hits(then.right, then.known & there), policy),
        out_of_scope=_interval(_hits(now.abstained, now.known & here), policy),
        gate_out_of_scope=_interval(_hits(then.abstained, then.known & there), policy),
    )


def _fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided exact p-value of "both shares are the same"."""
    table = [[hits, n - hits] for hits, n in (first, second)]
    return min(1.0, float(fisher_exact(table).pvalue))


def _hits(hit: NDArray[np.bool_], among: NDArray[np.bool_]) -> tuple[int, int]:
    return int((hit & among).sum()), int(among.sum())


def _interval(hits: tuple[int, int], policy: DriftPolicy) -> Interval | None:
    return exact_interval(*hits, policy.confidence) if hits[1] else None


def _flags(values: list[bool]) -> NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)
