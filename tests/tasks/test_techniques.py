"""What a technique must show: each limit is told by itself, and a reason names all that were missed."""

import numpy as np
import pytest

from tasks.statistics.paired_test import paired_test_of_counts
from tasks.techniques import Limits, Measured, judge, preferred
from tasks.timing.speed import Speed, compare_speed

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


def measured(name: str, right: float, perplexity: float) -> Measured:
    return Measured(name, np.arange(1000) < 1000 * right, 1.0, perplexity)


def speed(own_ms: float, parent_ms: float, spread: float = 0.0) -> Speed:
    """Of blocks whose ratios are this far from one another, on a logarithmic scale, in turn up and down."""
    own = own_ms * np.exp(spread * np.resize([-1.0, 1.0], 64))
    return compare_speed({"wall": np.full(64, parent_ms)}, {"wall": own}, disturbed=False)


FP32 = measured("fp32", 0.9, 1.0)


def judged(own: Measured, found: Speed, **given: object):
    return judge(own.name, own, FP32, found, **{"parity": 0.1, "agreement": 0.99, "limits": LIMITS, **given})


def test_the_reason_of_a_dropped_technique_names_all_that_it_missed() -> None:
    found = judged(measured("int4", 0.8, 1.5), speed(9.0, 8.0), agreement=0.5)
    assert found.state == "dropped"
    for part in ("dropped: not measured faster", "budget of 1.0%", "perplexity +50.0%", "50.0% of the answers"):
        assert part in found.reason


def test_a_technique_is_kept_with_what_it_costs() -> None:
    found = judged(measured("int4", 0.9, 1.02), speed(4.0, 8.0))
    assert found.state == "kept"
    assert "2.00x faster, loses +0.00% on tune (budget 1.0%" in found.reason
    assert found.reason.endswith("perplexity +2.0%")
    assert (found.clock, found.blocks, found.mean_ms, found.parent_mean_ms) == ("wall", 64, 4.0, 8.0)


def test_what_time_could_not_settle_is_neither_kept_nor_dropped_and_says_what_was_seen() -> None:
    found = judged(measured("int4", 0.9, 1.02), speed(5.0, 8.0, spread=0.6))
    assert (found.state, found.kept, found.stays) == ("undecided", False, True)
    assert found.reason.startswith("undecided: 1.90x (0.88 to 2.92) after 64 blocks, loses +0.00% on tune")


def test_what_misses_a_limit_is_dropped_whatever_time_says() -> None:
    found = judged(measured("int4", 0.5, 1.02), speed(5.0, 8.0, spread=0.6))
    assert found.state == "dropped"
    assert "not measured faster" not in found.reason


def test_where_the_parent_cannot_serve_a_slower_one_is_kept_and_a_worse_one_is_not() -> None:
    slow, wrong = measured("fp16", 0.9, 1.0), measured("fp16", 0.5, 1.0)
    kept = judged(slow, speed(4.0, 1.0), must_be_faster=False)
    assert kept.reason.startswith("kept: fp32 cannot serve on the target")
    assert judged(wrong, speed(4.0, 1.0), must_be_faster=False).state == "dropped"


def test_an_undecided_technique_counts_by_its_estimate_if_that_is_better_than_the_parent() -> None:
    right = measured("int4", 0.9, 1.02)
    better, worse = judged(right, speed(5.0, 8.0, spread=0.6)), judged(right, speed(11.0, 8.0, spread=0.6))
    assert preferred([better]) is better
    assert worse.undecided
    assert worse.speedup.value < 1
    assert preferred([worse]) is None
    alike = judged(right, speed(9.4, 8.0, spread=0.6))
    assert (alike.state, 1 < alike.speedup.value < 1.03) == ("undecided", True)
    assert preferred([alike]) is None, "the parent, which noise does not exchange for one that is as fast"
    clearly = judged(right, speed(2.0, 8.0))
    assert preferred([better, clearly]) is clearly
