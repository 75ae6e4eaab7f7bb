"""What was changed by hand is noticed: aliases are put back on the record, and the audit names the rest."""

import pytest

from registry.audit import audit
from tests.registry.shelf import MODEL, REVIEW, Shelf, promote, settled


@pytest.fixture
def shelf(home):
    shelf = Shelf(home)
    yield shelf
    shelf.registrar.ledger.close()


def test_an_alias_moved_by_hand_is_put_back_on_the_record(shelf):
    promote(shelf, shelf.put())
    failing = shelf.put("FAIL")
    shelf.client.set_registered_model_alias(MODEL, "champion", str(failing.version))
    assert "stood at version 2" in " ".join(audit_problems(shelf))
    promote(shelf, shelf.get(1))
    assert shelf.champion == 1
    assert (shelf.last.kind.value, shelf.last.from_version, shelf.last.to_version) == ("repaired", 2, 1)
    assert "put back" in shelf.last.reason


def test_an_alias_dropped_with_its_version_comes_back(shelf):
    promote(shelf, shelf.put())
    settled(shelf, shelf.put(against=1), REVIEW, against=1)
    shelf.client.delete_registered_model_alias(MODEL, "champion")
    shelf.client.delete_model_version(MODEL, "2")
    promote(shelf, shelf.get(1))
    assert shelf.alias("champion") == 1


def test_a_hand_made_champion_of_a_model_that_never_passed_is_taken_away(shelf):
    failing = shelf.put("FAIL")
    shelf.client.set_registered_model_alias(MODEL, "champion", "1")
    assert settled(shelf, failing).moved is False
    assert shelf.champion is None
    assert shelf.last.kind.value == "repaired"


def audit_problems(shelf) -> tuple[str, ...]:
    """The bytes of these versions are nowhere, which the audit rightly says; here it is about the rest."""
    return tuple(problem for problem in audit(shelf.registrar, MODEL) if "bytes" not in problem)


def test_the_audit_finds_nothing_where_all_is_well(shelf):
    promote(shelf, shelf.put())
    assert audit_problems(shelf) == ()


def test_the_audit_notices_that_the_end_of_the_ledger_was_taken_away(shelf):
    if shelf.registrar.ledger.url.get_backend_name() != "sqlite":
        pytest.skip("the triggers are dropped with SQLite's own statements")
    promote(shelf, shelf.put())
    promote(shelf, shelf.put(against=1))
    from sqlalchemy import create_engine, text

    engine = create_engine(shelf.registrar.ledger.url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER miaotui_ledger_no_DELETE"))
        connection.execute(text("DELETE FROM miaotui_ledger WHERE sequence = 4"))
    engine.dispose()
    assert any("entry 4" in problem for problem in audit_problems(shelf))
