"""The ledger only grows, tells when it was tampered with, and lets one of many who append at once through."""

import json
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from registry.ledger import Draft, Entry, Kind, Ledger, LostRaceError, ModelState
from registry.ledger.entries import GENESIS, broken_link
from registry.store import MlflowStore
from tasks.errors import UserError

MOVES = [Kind.PROMOTED, Kind.ROLLED_BACK, Kind.OVERRIDDEN]


@pytest.fixture
def ledger(home):
    ledger = Ledger.of_store(MlflowStore.of_home(home))
    yield ledger
    ledger.close()


def draft(kind=Kind.PROMOTED, to=1, **fields):
    return Draft(kind=kind, actor="a", reason="r", to_version=to, **fields)


def chain(*drafts: Draft) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for number, entry in enumerate(drafts, start=1):
        previous = entries[-1].hash if entries else GENESIS
        at = datetime(2026, 1, 1, tzinfo=UTC)
        entries.append(Entry.sealed("m", entry, sequence=number, at=at, previous=previous))
    return tuple(entries)


def test_what_is_read_is_what_was_written(ledger):
    details = {"expires": None, "nested": {"ö": [1, 2.5, "x"]}}
    written = ledger.note("m", draft(details=details, from_version=3, evidence_digest="e" * 64))
    assert ledger.entries("m") == (written,)
    assert broken_link(ledger.entries("m")) is None
    assert ledger.head("m") == written
    assert ledger.head("other") is None
    assert ledger.models() == ("m",)


def test_models_have_chains_of_their_own(ledger):
    for model in ("a", "b", "a"):
        ledger.note(model, draft())
    assert [entry.sequence for entry in ledger.entries("a")] == [1, 2]
    assert [entry.sequence for entry in ledger.entries("b")] == [1]


def test_the_last_entries_come_in_order(ledger):
    for number in range(5):
        ledger.note("m", draft(to=number))
    assert [entry.to_version for entry in ledger.entries("m", last=2)] == [3, 4]
    assert [entry.to_version for entry in ledger.entries("m", after=3)] == [3, 4]


def test_appending_behind_what_is_not_the_head_loses(ledger):
    first = ledger.append("m", draft(), after=None)
    ledger.append("m", draft(to=2), after=first)
    with pytest.raises(LostRaceError):
        ledger.append("m", draft(to=3), after=first)
    with pytest.raises(LostRaceError):
        ledger.append("m", draft(to=3), after=None)
    assert [entry.to_version for entry in ledger.entries("m")] == [1, 2]


def test_a_decision_is_taken_anew_when_another_was_faster(ledger):
    seen = []

    def decision(entries):
        seen.append(len(entries))
        if len(seen) == 1:
            ledger.note("m", draft(to=7))
        return draft(to=8)

    ledger.decide("m", decision)
    assert seen == [0, 1]
    assert [entry.to_version for entry in ledger.entries("m")] == [7, 8]


def test_many_threads_append_without_losing_any(ledger):
    def append(actor):
        for _ in range(5):
            ledger.note("m", Draft(kind=Kind.REFUSED, actor=actor, reason="r"))

    threads = [threading.Thread(target=append, args=(f"t{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = ledger.entries("m")
    assert len(entries) == 30
    assert broken_link(entries) is None


def test_an_entry_that_cannot_be_read_is_one_line(ledger):
    ledger.note("m", draft())
    values = "'m', 2, 'gibberish', 'x', 'a', 'r', NULL, NULL, NULL, '{}', 'p', 'h'"
    engine = create_engine(ledger.url)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO miaotui_ledger VALUES ({values})"))
    engine.dispose()
    with pytest.raises(UserError, match="entry 2 of m on the ledger cannot be read"):
        ledger.entries("m")


@pytest.mark.parametrize("statement", ["UPDATE miaotui_ledger SET reason = 'x'", "DELETE FROM miaotui_ledger"])
def test_the_database_refuses_to_change_what_was_written(ledger, statement):
    ledger.note("m", draft())
    engine = create_engine(ledger.url)
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert broken_link(ledger.entries("m")) is None


def test_the_lock_of_a_model_keeps_others_out_until_it_is_let_go(ledger, home):
    order, inside = [], threading.Event()

    def other():
        mine = Ledger.of_store(MlflowStore.of_home(home))
        inside.wait(10)
        with mine.exclusive("m"):
            order.append("other")
        mine.close()

    thread = threading.Thread(target=other)
    thread.start()
    with ledger.exclusive("m"), ledger.exclusive("another model"):
        inside.set()
        thread.join(0.3)
        order.append("first")
    thread.join(20)
    assert order == ["first", "other"]


def test_an_address_that_is_none_is_one_line(monkeypatch, home):
    for url, said in (("nonsense", "no database URL"), ("mysql://x/y", "not supported"), ("sqlite://", "in memory")):
        monkeypatch.setenv("MIAOTUI_LEDGER_URI", url)
        with pytest.raises(UserError, match=said):
            Ledger.of_store(MlflowStore.of_home(home))


def test_a_file_that_is_no_ledger_is_one_line(tmp_path):
    (tmp_path / "ledger.db").write_text("something else entirely, and long enough to be looked at" * 10)
    with pytest.raises(UserError, match="cannot be used"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").entries("m")


def test_every_registry_has_a_ledger_of_its_own_unless_one_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MIAOTUI_LEDGER_URI", raising=False)
    files = set()
    for uri in (None, "http://one:5000", "http://other:5000", "postgresql+psycopg://u:secret@host/db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri) if uri else monkeypatch.delenv(
            "MLFLOW_TRACKING_URI", raising=False
        )
        files.add(Ledger.of_store(MlflowStore.of_home(tmp_path)).url.database)
    assert len(files) == 4
    assert str(tmp_path / "ledger.db") in files
    assert not any("secret" in file for file in files)


# ------------------------------------------------------------------ the chain


@given(
    st.integers(0, 4),
    st.sampled_from(["reason", "actor", "to_version", "at", "kind", "details", "model", "evidence_digest"]),
)
def test_whatever_is_altered_breaks_the_chain(place, field):
    entries = list(chain(*(draft(to=number) for number in range(5))))
    other = {"to_version": 99, "at": datetime(2027, 1, 1, tzinfo=UTC), "kind": Kind.REFUSED, "details": {"x": 1}}
    entries[place] = entries[place].model_copy(update={field: other.get(field, "something else")})
    assert broken_link(tuple(entries)) is not None


@given(st.integers(0, 3))
def test_a_missing_entry_breaks_the_chain(place):
    entries = list(chain(*(draft(to=number) for number in range(5))))
    del entries[place]
    assert "missing" in str(broken_link(tuple(entries)))


def test_resealing_an_altered_entry_breaks_the_next_one():
    entries = list(chain(draft(), draft(to=2), draft(to=3)))
    forged = draft(to=9)
    entries[1] = Entry.sealed("m", forged, sequence=2, at=entries[1].at, previous=entries[0].hash)
    assert "not chained" in str(broken_link(tuple(entries)))


def test_the_hash_does_not_depend_on_the_order_of_details():
    one, other = chain(draft(details={"a": 1, "b": 2})), chain(draft(details={"b": 2, "a": 1}))
    assert one[0].hash == other[0].hash
    assert json.loads(one[0].model_dump_json())["hash"] == one[0].hash


# ------------------------------------------------------------------ the state


def test_a_rollback_takes_away_what_was_above_it():
    state = ModelState.after(chain(*(draft(to=number) for number in (1, 2, 3)), draft(Kind.ROLLED_BACK, to=2)))
    assert (state.champion, state.previous_champions) == (2, (1,))


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 5)), max_size=20))
def test_the_last_move_serves_and_is_never_its_own_predecessor(moves):
    state = ModelState.after(chain(*(draft(kind, to=version) for kind, version in moves)))
    assert state.champion == (moves[-1][1] if moves else None)
    assert all(one != other for one, other in zip(state.lineage, state.lineage[1:], strict=False))
    assert set(state.lineage) <= {version for _, version in moves}


def test_refusals_and_repairs_change_nothing():
    before = chain(draft(to=1), draft(Kind.REQUESTED, to=2))
    after = chain(draft(to=1), draft(Kind.REQUESTED, to=2), draft(Kind.REFUSED, to=3), draft(Kind.REPAIRED, to=3))
    one, other = ModelState.after(before), ModelState.after(after)
    assert (
        (one.champion, one.challenger, one.lineage) == (other.champion, other.challenger, other.lineage) == (1, 2, [1])
    )
