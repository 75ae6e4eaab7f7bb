"""What a technique must show: each limit is told by itself, and a reason names all that were missed."""

import numpy as np
import pytest

from tasks.statistics.paired_test import paired_test_of_counts
from tasks.techniques import Limits, Measured, judge

LIMITS = Limits(budget=0.01, confidence=0.95, max_perplexity_increase=0.05, min_agreement=0.9)


def missed(*, harms: int = 0, perplexity: float | None = 1.02, agreement: float = 0.99, limits: Limits = LIMITS) -> str:
    test = paired_test_of_counts(1000, harms, 0, limits.budget, limits.confidence)
    return "; ".join(limits.misses(test, perplexity=perplexity, parent_perplexity=1.0, agreement=agreement))


def test_what_keeps_all_limits_misses_none() -> None:
    assert missed() == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"harms": 30}, "not shown to lose less than its budget of 1.0% (loses +3.00%, p = "),
        ({"perplexity": 1.06}, "perplexity +6.0%, more than +5.0%"),
        ({"perplexity": float("nan")}, "perplexity +nan%, more than"),
        ({"agreement": 0.85}, "85.0% of the answers stay the same, less than 90.0%"),
    ],
)
def test_each_limit_is_told_by_itself(given: dict[str, float], says: str) -> None:
    found = missed(**given)
    assert found.startswith(says)
    assert ";" not in found


def test_limits_that_are_not_set_and_figures_that_are_not_there_are_no_misses() -> None:
    assert missed(perplexity=9.0, agreement=0.0, limits=Limits(0.01, 0.95)) == ""
    assert missed(perplexity=None) == ""


def measured(name: str, right: float, ms: float, perplexity: float) -> Measured:
    rows = np.arange(1000) < 1000 * right
    return Measured(name, rows, np.full(7, ms), 1.0, perplexity)


def test_the_reason_of_a_dropped_technique_names_all_that_it_missed() -> None:
    own, parent = measured("int4", 0.8, 9.0, 1.5), measured("fp32", 0.9, 8.0, 1.0)
    found = judge("int4", own, parent, parity=0.1, agreement=0.5, limits=LIMITS)
    assert not found.kept
    for part in ("dropped: not measured faster", "budget of 1.0%", "perplexity +50.0%", "50.0% of the answers"):
        assert part in found.reason


def test_a_technique_is_kept_with_what_it_costs() -> None:
    own, parent = measured("int4", 0.9, 4.0, 1.02), measured("fp32", 0.9, 8.0, 1.0)
    found = judge("int4", own, parent, parity=0.1, agreement=0.99, limits=LIMITS)
    assert found.kept
    assert "2.00x faster, loses +0.00% on tune (budget 1.0%" in found.reason
    assert found.reason.endswith("perplexity +2.0%")


def test_where_the_parent_cannot_serve_a_slower_one_is_kept_and_a_worse_one_is_not() -> None:
    fp32 = measured("fp32", 0.9, 1.0, 1.0)
    slow, wrong = measured("fp16", 0.9, 4.0, 1.0), measured("fp16", 0.5, 4.0, 1.0)
    given = {"parity": 0.1, "agreement": 0.99, "limits": LIMITS, "must_be_faster": False}
    assert judge("fp16", slow, fp32, **given).reason.startswith("kept: fp32 cannot serve on the target")
    assert not judge("fp16", wrong, fp32, **given).kept
