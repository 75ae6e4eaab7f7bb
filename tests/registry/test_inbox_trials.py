"""What a run with landed rows came to is on record once, with the rows it was made of or not at all."""

import pytest

from registry.checks import Outcome
from registry.inbox import Result, Use
from registry.missing import MissingRows, MissingTime
from registry.write_points import listening
from tests.registry.test_inbox import AT_ONCE, NOW, inbox, later, on_both_databases, portion, put, url

__all__ = ["inbox", "url"]  # fixtures

UNDECIDED = Result(
    verdict=Outcome.INCONCLUSIVE,
    missing=(MissingRows(slice="oos", have=80, needed=290), MissingTime(target="edge")),
    sentence="models:/m/2: not promoted",
    evidence="e1",
)
PASSED = Result(verdict=Outcome.PASS, sentence="models:/m/2 is the champion now", evidence="e2")


class KilledError(BaseException):
    """Stands in for kill -9."""


def taken_in(inbox, key: str = "k", use: Use = Use.RETRAIN, result: Result | None = UNDECIDED, at: float = 0) -> None:
    inbox.claim_batch("m", key, policy=AT_ONCE, now=later(at))
    inbox.decide("m", key, use, now=later(at))
    if result is not None:
        inbox.begin_trial("m", key, use, now=later(at))
    inbox.complete("m", key, ok=True, now=later(at + 1), result=result)


@on_both_databases
def test_a_trial_keeps_what_it_came_to_and_what_would_settle_it(inbox):
    put(inbox, portion())
    taken_in(inbox)
    (trial,) = inbox.trials("m")
    assert (trial.batch, trial.number, trial.use, trial.ended_at) == ("k", 1, Use.RETRAIN, later(1))
    assert trial.result == UNDECIDED
    assert inbox.trials("other") == ()


def test_one_that_was_cut_off_is_gone_on_with_and_not_counted_anew(inbox):
    put(inbox, portion())
    taken_in(inbox)
    begun = inbox.begin_trial("m", "k", Use.RETRAIN, now=later(5))
    assert inbox.begin_trial("m", "k", Use.RETRAIN, now=later(9)) == begun
    inbox.end_trial("m", begun, PASSED, now=later(10))
    inbox.end_trial("m", begun, UNDECIDED, now=later(11))
    assert [(trial.number, trial.result) for trial in inbox.trials("m")] == [(1, UNDECIDED), (2, PASSED)]


def test_rows_and_what_came_of_them_are_on_record_together_or_not_at_all(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    inbox.decide("m", "k", Use.RETRAIN, now=NOW)
    inbox.begin_trial("m", "k", Use.RETRAIN, now=NOW)

    def kill(name: str) -> None:
        if name == "complete a batch":
            raise KilledError

    with listening(kill), pytest.raises(KilledError):
        inbox.complete("m", "k", ok=True, now=later(1), result=UNDECIDED)
    assert inbox.trials("m")[0].result is None
    assert inbox.batches("m")[0].running
    inbox.complete("m", "k", ok=True, now=later(2), result=UNDECIDED)
    assert not inbox.complete("m", "k", ok=True, now=later(3), result=PASSED)
    assert [trial.result for trial in inbox.trials("m")] == [UNDECIDED]


def test_rows_that_are_given_back_leave_no_trial(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    inbox.decide("m", "k", Use.RETRAIN, now=NOW)
    inbox.begin_trial("m", "k", Use.RETRAIN, now=NOW)
    inbox.complete("m", "k", ok=False, now=later(1))
    assert inbox.trials("m") == ()
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=later(2))
    inbox.begin_trial("m", "k", Use.RETRAIN, now=later(2))
    assert inbox.release_expired("m", now=later(1000)) == ("k",)
    assert inbox.trials("m") == ()


def test_a_run_by_hand_is_noted_where_it_found_something_new(inbox):
    put(inbox, portion())
    assert not inbox.note_trial("m", UNDECIDED, now=NOW), "no landed row is in use"
    taken_in(inbox)
    assert not inbox.note_trial("m", UNDECIDED, now=later(5)), "the same evidence and verdict"
    assert inbox.note_trial("m", PASSED, now=later(6))
    assert [(trial.number, trial.result) for trial in inbox.trials("m")] == [(1, UNDECIDED), (2, PASSED)]


def test_a_run_by_hand_ends_the_trial_that_was_cut_off(inbox):
    put(inbox, portion())
    taken_in(inbox)
    inbox.begin_trial("m", "k", Use.RETRAIN, now=later(5))
    assert inbox.note_trial("m", PASSED, now=later(6))
    assert [(trial.number, trial.result) for trial in inbox.trials("m")] == [(1, UNDECIDED), (2, PASSED)]


def test_rows_that_were_only_kept_are_not_what_a_run_by_hand_is_made_of(inbox):
    put(inbox, portion())
    taken_in(inbox)
    put(inbox, portion("b"))
    taken_in(inbox, "kept", Use.KEEP, None, at=2)
    assert inbox.note_trial("m", PASSED, now=later(6))
    assert inbox.trials("m")[-1].batch == "k"


def test_rows_that_suffice_are_claimed_however_few(inbox):
    policy = AT_ONCE.model_copy(update={"min_rows": 50})
    put(inbox, portion(rows=5))
    assert "at least 50 are needed" in str(inbox.claim_batch("m", "k", policy=policy, now=NOW))
    assert inbox.claim_batch("m", "k", policy=policy, now=NOW, suffice=True).rows == 5
