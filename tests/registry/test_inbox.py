"""The inbox gives every row to one run, once, whoever asks at the same time and whoever dies in between."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from registry.inbox import FileState, Inbox, Known, LandedFile, LostClaimError, Portion, Use, Wait
from registry.inbox.policy import admitted
from registry.ledger import Ledger
from tasks.errors import UserError
from tasks.recipe.intake import IntakeConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = IntakeConfig(min_rows=1, min_rows_per_label=1, debounce_s=0, cool_down_s=0, lease_s=60)


on_both_databases = pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.postgresql])], indirect=True
)


@pytest.fixture
def url(request, tmp_path):
    """A database of the test's own, SQLite unless the test asks for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    cluster = request.getfixturevalue("postgresql")
    name = cluster.create_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def inbox(url):
    ledger = Ledger(url)
    yield Inbox(ledger)
    ledger.close()


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def received(sha: str = "a", **changed) -> LandedFile:
    fields = {"name": f"{sha}.csv", "format": "csv", "size": 9, "received_at": NOW} | changed
    return LandedFile(model="m", sha256=sha, state=FileState.RECEIVED, rows=0, quarantined=0, **fields)


def portion(sha: str = "a", label: str = "x", rows: int = 5, part: str | None = None, at: datetime = NOW, **fields):
    return Portion(sha256=sha, label=label, slice=part, rows=rows, landed_at=at, **fields)


def put(inbox: Inbox, *portions: Portion) -> None:
    for sha in dict.fromkeys(entry.sha256 for entry in portions):
        inbox.receive(received(sha))
        inbox.judge("m", sha, portions=[entry for entry in portions if entry.sha256 == sha], quarantined=0)


def state(inbox: Inbox, sha: str = "a") -> FileState:
    (file,) = inbox.files("m", sha256=sha)
    return file.state


# ------------------------------------------------------------------ landing


@on_both_databases
def test_the_same_bytes_are_received_and_judged_once(inbox):
    assert inbox.receive(received())
    assert not inbox.receive(received(name="another name.csv"))
    assert inbox.judge("m", "a", portions=[portion()], quarantined=2)
    assert not inbox.judge("m", "a", portions=[portion(rows=500)], quarantined=0)
    assert not inbox.receive(received())
    (file,) = inbox.files("m")
    assert (file.name, file.state, file.rows, file.quarantined) == ("a.csv", FileState.LANDED, 5, 2)
    assert inbox.portions("m") == (portion(),)
    assert inbox.models() == ("m",)
    assert inbox.files("other") == ()


def test_a_file_without_a_good_row_is_judged_anew_when_it_comes_again(inbox):
    inbox.receive(received(name="a.csv"))
    inbox.judge("m", "a", portions=[], quarantined=0, reason="has no header")
    assert state(inbox) is FileState.QUARANTINED
    assert inbox.receive(received(name="a.jsonl", format="jsonl"))
    (file,) = inbox.files("m")
    assert (file.state, file.format, file.reason) == (FileState.RECEIVED, "jsonl", None)


def test_an_announcement_is_remembered(inbox):
    put(inbox, portion())
    inbox.mark_announced("m", "a", now=later(1))
    inbox.mark_announced("m", "a", now=later(2))
    assert inbox.files("m")[0].announced_at == later(1)


# ------------------------------------------------------------------ claiming


@on_both_databases
def test_a_batch_goes_from_landed_to_processed(inbox):
    put(inbox, portion("a"), portion("b", part="bank"))
    batch = inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=NOW)
    assert (batch.files, batch.rows, batch.lease_until) == (("a", "b"), 10, later(60))
    assert state(inbox) is FileState.CLAIMED
    assert inbox.complete("m", "run-1", ok=True, now=later(1))
    assert not inbox.complete("m", "run-1", ok=True, now=later(2))
    assert state(inbox) is FileState.PROCESSED
    assert "already" in str(inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=later(3)))
    assert str(inbox.claim_batch("m", "run-2", policy=AT_ONCE, now=later(3))) == "no rows to take in"
    with pytest.raises(LostClaimError):
        inbox.complete("m", "run-1", ok=False, now=later(4))


def test_a_run_that_asks_again_gets_the_same_batch(inbox):
    put(inbox, portion("a"))
    first = inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=NOW)
    put(inbox, portion("b"))
    again = inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=later(30))
    assert again.portions == first.portions
    assert again.lease_until == later(90)


def test_what_lands_during_a_run_is_left_for_the_next(inbox):
    put(inbox, portion("a"))
    inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=NOW)
    put(inbox, portion("b"))
    assert "run-1 works on a batch" in str(inbox.claim_batch("m", "run-2", policy=AT_ONCE, now=later(1)))
    inbox.complete("m", "run-1", ok=True, now=later(2))
    assert inbox.claim_batch("m", "run-2", policy=AT_ONCE, now=later(3)).files == ("b",)


def test_a_failed_run_gives_its_rows_back(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=NOW)
    assert inbox.complete("m", "run-1", ok=False, now=later(1))
    assert state(inbox) is FileState.LANDED
    assert inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=later(2)).files == ("a",)


@on_both_databases
def test_a_dead_run_loses_its_claim_when_its_lease_runs_out(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "run-1", policy=AT_ONCE, now=NOW)
    assert inbox.release_expired("m", now=later(59)) == ()
    assert inbox.release_expired("m", now=later(60)) == ("run-1",)
    assert inbox.claim_batch("m", "run-2", policy=AT_ONCE, now=later(61)).files == ("a",)
    with pytest.raises(LostClaimError):
        inbox.complete("m", "run-1", ok=True, now=later(62))
    assert inbox.complete("m", "run-2", ok=True, now=later(63))


def test_a_run_without_a_batch_cannot_complete_one(inbox):
    with pytest.raises(LostClaimError, match="holds no batch"):
        inbox.complete("m", "run-1", ok=True, now=NOW)


@pytest.mark.parametrize("key", ["", "x" * 251, "a\nb", "a\0b"])
def test_a_key_that_cannot_be_stored_is_one_line(inbox, key):
    with pytest.raises(UserError, match="printable characters"):
        inbox.claim_batch("m", key, policy=AT_ONCE, now=NOW)


@on_both_databases
def test_one_of_many_claimers_gets_the_batch(inbox, url):
    put(inbox, *(portion(sha) for sha in "abcdef"))
    results, ready = [], threading.Barrier(6)

    def claim(number: int) -> None:
        ledger = Ledger(url)
        ready.wait(30)
        results.append(Inbox(ledger).claim_batch("m", f"run-{number}", policy=AT_ONCE, now=NOW))
        ledger.close()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches = [result for result in results if not isinstance(result, Wait)]
    assert len(results) == 6
    assert [batch.files for batch in batches] == [("a", "b", "c", "d", "e", "f")]


# ------------------------------------------------------------------ the policy


def test_too_few_rows_start_nothing(inbox):
    put(inbox, portion(rows=5))
    policy = AT_ONCE.model_copy(update={"min_rows": 6})
    assert str(inbox.claim_batch("m", "k", policy=policy, now=NOW)) == "5 rows to take in, at least 6 are needed"


def test_it_waits_while_data_still_lands_but_not_for_ever(inbox):
    policy = AT_ONCE.model_copy(update={"debounce_s": 10, "max_wait_s": 100})
    put(inbox, portion("a"), portion("b", at=later(95)))
    assert "landed a moment ago" in str(inbox.claim_batch("m", "k", policy=policy, now=later(99)))
    assert inbox.claim_batch("m", "k", policy=policy, now=later(100)).files == ("a", "b")


def test_it_cools_down_after_a_batch(inbox):
    policy = AT_ONCE.model_copy(update={"cool_down_s": 10})
    put(inbox, portion("a"))
    inbox.claim_batch("m", "k", policy=policy, now=NOW)
    inbox.complete("m", "k", ok=True, now=NOW)
    put(inbox, portion("b"))
    assert "cooling down until 2026-01-01 00:00:10" in str(inbox.claim_batch("m", "l", policy=policy, now=later(9)))
    assert inbox.claim_batch("m", "l", policy=policy, now=later(10)).files == ("b",)


def test_a_new_label_waits_until_all_its_files_together_have_enough_rows(inbox):
    policy = AT_ONCE.model_copy(update={"min_rows_per_label": 10})
    put(inbox, portion("a", "old", 1), portion("a", "new", 9))
    known = Known(labels=frozenset({"old"}))
    batch = inbox.claim_batch("m", "k", policy=policy, now=NOW, known=known)
    assert [(entry.sha256, entry.label) for entry in batch.portions] == [("a", "old")]
    inbox.complete("m", "k", ok=True, now=NOW)
    assert state(inbox) is FileState.WAITING
    assert "label 'new' has 9 of 10 rows" in str(inbox.claim_batch("m", "l", policy=policy, now=NOW))
    put(inbox, portion("b", "new", 1))
    batch = inbox.claim_batch("m", "l", policy=policy, now=NOW)
    assert [(entry.sha256, entry.label) for entry in batch.portions] == [("a", "new"), ("b", "new")]
    inbox.complete("m", "l", ok=True, now=NOW)
    assert state(inbox) is FileState.PROCESSED
    put(inbox, portion("c", "new", 1))
    assert inbox.claim_batch("m", "n", policy=policy, now=NOW).files == ("c",)


def test_rows_that_wait_for_their_slice_do_not_help_their_label():
    policy = IntakeConfig(min_rows_per_label=10)
    rows = [portion("a", "x", 9, part="old"), portion("b", "x", 9, part="new"), portion("c", "y", 1, part="old")]
    known = Known(labels=frozenset({"y"}), slices=frozenset({"old"}))
    chosen, shortages = admitted(rows, known, policy)
    assert [entry.sha256 for entry in chosen] == ["c"]
    assert [str(entry) for entry in shortages] == ["slice 'new' has 9 of 10 rows"]


def test_rows_that_a_run_holds_are_not_offered_again():
    held = portion("a", "x", 20, batch="k")
    chosen, shortages = admitted([held, portion("b", "x", 1)], Known(), IntakeConfig(min_rows_per_label=10))
    assert [entry.sha256 for entry in chosen] == ["b"]
    assert shortages == ()


# ------------------------------------------------------------------ decisions


@on_both_databases
def test_the_first_decision_on_a_batch_stands_until_its_rows_are_given_back(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    assert [entry.use for entry in inbox.batches("m")] == [None]
    assert inbox.decide("m", "k", Use.RETRAIN, now=NOW) is Use.RETRAIN
    assert inbox.decide("m", "k", Use.KEEP, now=NOW) is Use.RETRAIN
    inbox.complete("m", "k", ok=False, now=NOW)
    assert [(entry.use, entry.running, entry.processed) for entry in inbox.batches("m")] == [(None, False, False)]
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    assert inbox.decide("m", "k", Use.RECALIBRATE, now=NOW) is Use.RECALIBRATE
    inbox.complete("m", "k", ok=True, now=NOW)
    assert [(entry.use, entry.processed) for entry in inbox.batches("m")] == [(Use.RECALIBRATE, True)]


def test_only_a_running_batch_is_decided_on(inbox):
    put(inbox, portion())
    with pytest.raises(LostClaimError):
        inbox.decide("m", "k", Use.KEEP, now=NOW)
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    inbox.release_expired("m", now=later(61))
    with pytest.raises(LostClaimError):
        inbox.decide("m", "k", Use.KEEP, now=later(61))


def test_a_run_that_goes_on_keeps_its_batch_beyond_the_first_lease(inbox):
    put(inbox, portion())
    inbox.claim_batch("m", "k", policy=AT_ONCE, now=NOW)
    inbox.renew("m", "k", policy=AT_ONCE, now=later(50))
    assert inbox.release_expired("m", now=later(100)) == ()
    assert inbox.release_expired("m", now=later(111)) == ("k",)
    inbox.renew("m", "k", policy=AT_ONCE, now=later(112))
    assert not any(entry.running for entry in inbox.batches("m"))


def test_a_wait_says_when_to_ask_again_where_time_helps(inbox):
    policy = AT_ONCE.model_copy(update={"debounce_s": 30.0, "min_rows": 5})
    assert inbox.claim_batch("m", "k", policy=policy, now=NOW).until is None
    put(inbox, portion())
    assert inbox.claim_batch("m", "k", policy=policy, now=NOW).until == later(30)
