"""What would settle an INCONCLUSIVE verdict: its rows by slice and number, or another measurement."""

import pytest

from registry.checks import Check, Outcome, Verdict
from registry.missing import MissingRows, MissingTime
from registry.what_would_settle import what_would_settle

ROWS = MissingRows(slice="oos", have=80, needed=290)


def check(name: str, outcome: Outcome = Outcome.INCONCLUSIVE, *missing: MissingRows) -> Check:
    return Check(name=name, outcome=outcome, sentence="", missing=missing)


def test_rows_name_the_slice_and_how_many_are_missing() -> None:
    (missing,) = what_would_settle(Verdict.of([check("champion_slices", Outcome.INCONCLUSIVE, ROWS)]))
    assert missing == ROWS
    assert str(missing) == "210 more gate rows of slice 'oos' (80 were judged, 290 would settle it)"


def test_a_label_and_any_rows_are_named_too() -> None:
    assert str(MissingRows(label="oos", have=9, needed=10)) == (
        "1 more gate rows with the label 'oos' (9 were judged, 10 would settle it)"
    )
    assert str(MissingRows(have=9)) == "more gate rows; how many, these cannot tell"


@pytest.mark.parametrize("name", ["champion_speed/edge", "latency_p99_ms/edge/Server", "ttft_p99_ms/edge/Server"])
def test_a_timing_is_measured_again_on_its_target(name: str) -> None:
    assert what_would_settle(Verdict.of([check(name)])) == (MissingTime(target="edge"),)


def test_of_several_checks_the_largest_need_of_the_same_rows_counts_once() -> None:
    more = ROWS.model_copy(update={"needed": 400})
    other = MissingRows(label="oos", have=80, needed=100)
    checks = [
        check("champion_slices", Outcome.INCONCLUSIVE, ROWS),
        check("slice_accuracy/oos", Outcome.INCONCLUSIVE, more),
    ]
    checks += [check("out_of_scope_recall", Outcome.INCONCLUSIVE, other), check("champion_speed/a"), check("speedup/a")]
    assert what_would_settle(Verdict.of(checks)) == (more, other, MissingTime(target="a"))


def test_rows_that_nobody_can_number_are_more_than_any_number() -> None:
    unknown = MissingRows(have=80)
    verdict = Verdict.of(
        [
            check("accuracy", Outcome.INCONCLUSIVE, unknown),
            check("macro_f1", Outcome.INCONCLUSIVE, MissingRows(have=80, needed=90)),
        ]
    )
    assert what_would_settle(verdict) == (unknown,)


@pytest.mark.parametrize("worse", [Outcome.FAIL, Outcome.INVALID])
def test_nothing_settles_what_is_settled(worse: Outcome) -> None:
    assert what_would_settle(Verdict.of([check("a", Outcome.PASS)])) == ()
    assert what_would_settle(Verdict.of([check("a", worse), check("b", Outcome.INCONCLUSIVE, ROWS)])) == ()
