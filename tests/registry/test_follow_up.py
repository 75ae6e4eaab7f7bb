"""What the last run with landed rows left open is picked up once, by the rows or the time that it lacks, and not for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.checks import Outcome
from registry.inbox import Result, Trial, Use, follow_up, strongest
from registry.missing import Missing, MissingRows, MissingTime
from tasks.recipe.intake import IntakeConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = IntakeConfig(retries=2, retry_after_s=100)
OOS = MissingRows(slice="oos", have=80, needed=180)


def trial(verdict: Outcome | None, *missing: Missing, number: int = 1, use: Use = Use.RETRAIN) -> Trial:
    begun = Trial(batch="b", number=number, use=use, began_at=NOW)
    return begun.ended(Result(verdict=verdict, missing=missing, sentence="said"), NOW)


def follows(of: Trial | None, **landed: int):
    rows = {(name, "x"): count for name, count in landed.items()}
    return follow_up(of, POLICY, rows, judged_share=0.15)


def test_nothing_follows_from_nothing_or_from_a_pass() -> None:
    assert follows(None) is None
    assert follows(trial(Outcome.PASS)) is None


@pytest.mark.parametrize("verdict", [Outcome.FAIL, Outcome.INVALID])
def test_what_failed_is_said_and_waits_for_new_rows_or_a_person(verdict: Outcome) -> None:
    found = follows(trial(verdict), oos=10_000)
    assert found is not None
    assert (found.again_at, found.rows_suffice, found.least) == (None, False, Use.RETRAIN)
    assert found.sentence == f"{verdict}: the same rows are not tried again; it waits for new rows, or for a person"


def test_missing_rows_are_counted_down_by_slice_until_they_have_come() -> None:
    before = follows(trial(Outcome.INCONCLUSIVE, OOS), oos=40, bank=500)
    assert before is not None
    assert (before.again_at, before.rows_suffice, before.least) == (None, False, None)
    assert str(before) == (
        "INCONCLUSIVE, rows are missing; it goes on by itself once they have landed; 100 more gate rows of slice 'oos' "
        "(80 were judged, 180 would settle it); 40 have landed, about 400 more such rows have to land"
    )
    after = follows(trial(Outcome.INCONCLUSIVE, OOS), oos=100)
    assert after is not None
    assert (after.rows_suffice, after.least) == (True, Use.RECALIBRATE)
    assert "they have landed and are judged by next" in str(after)


def test_all_of_several_slices_have_to_come() -> None:
    bank = MissingRows(slice="bank", have=10, needed=20)
    assert not follows(trial(Outcome.INCONCLUSIVE, OOS, bank), oos=100, bank=9).rows_suffice  # type: ignore[union-attr]
    assert follows(trial(Outcome.INCONCLUSIVE, OOS, bank), oos=100, bank=10).rows_suffice  # type: ignore[union-attr]


def test_a_measurement_that_is_missing_beside_rows_waits_for_the_rows() -> None:
    found = follows(trial(Outcome.INCONCLUSIVE, MissingTime(target="t"), OOS))
    assert found is not None
    assert found.again_at is None
    assert found.progress


def test_rows_that_nobody_can_number_come_with_whatever_lands() -> None:
    found = follows(trial(Outcome.INCONCLUSIVE, MissingRows(have=9)))
    assert found is not None
    assert (found.rows_suffice, found.least, found.again_at) == (False, Use.RECALIBRATE, None)


def test_time_alone_is_tried_again_later_and_later_and_then_left_to_a_person() -> None:
    waits = []
    for number in (1, 2, 3):
        found = follows(trial(Outcome.INCONCLUSIVE, MissingTime(target="edge"), number=number))
        assert found is not None
        waits.append(found.again_at and (found.again_at - NOW) / timedelta(seconds=1))
    assert waits == [100, 200, None]
    assert "tried 3 times, it waits for new rows, or for a person" in str(found)
    assert "a measurement on edge that settles the timings" in str(found)


def test_a_try_that_an_error_ended_is_bounded_too() -> None:
    first, last = (follows(trial(None, number=number)) for number in (1, 3))
    assert first is not None
    assert last is not None
    assert first.again_at == NOW + timedelta(seconds=100)
    assert (last.again_at, last.least) == (None, Use.RETRAIN)
    assert "the run failed: said" in str(last)


def test_a_run_that_was_cut_off_is_due_at_once() -> None:
    found = follows(Trial(batch="b", number=1, use=Use.RECALIBRATE, began_at=NOW))
    assert found is not None
    assert found.again_at == NOW


def test_retraining_is_stronger_than_recalibration_and_that_than_nothing() -> None:
    assert strongest(Use.KEEP, Use.RECALIBRATE) is Use.RECALIBRATE
    assert strongest(Use.RETRAIN, Use.RECALIBRATE, Use.KEEP) is Use.RETRAIN
