"""Of twenty processes that promote at once, each against the same champion, one wins; all are on the ledger."""

import traceback

import pytest

from registry.ledger import Kind
from registry.ledger.entries import broken_link
from registry.promotion import Move, carry_out, promote_version
from tasks.errors import UserError
from tests.registry.children import CONTEXT, start
from tests.registry.shelf import MODEL, Shelf

PROMOTERS = 20
ROUNDS = 20


def compete(home, number, gate, results) -> None:
    """Wait for each round, then try to be the one whose version serves."""
    shelf = Shelf(home, actor=f"promoter {number}")
    for _ in range(ROUNDS):
        gate.wait()
        champion = shelf.state.champion
        move = Move(Kind.PROMOTED, shelf.get(number), "x", champion, {})
        gate.wait()
        try:
            outcome = "serves already" if champion == number else carry_out(shelf.registrar, move).moved
        except UserError as error:
            outcome = str(error)
        except Exception:  # noqa: BLE001 - whatever it is, the test has to see it
            outcome = traceback.format_exc()
        results.put((number, outcome))
        gate.wait()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_of_twenty_promoters_one_wins_every_time(home):
    shelf = Shelf(home)
    for _ in range(PROMOTERS + 1):
        shelf.put()
    promote_version(shelf.registrar, MODEL, PROMOTERS + 1, reason="x")
    shelf.registrar.ledger.close()
    gate, results = CONTEXT.Barrier(PROMOTERS + 1), CONTEXT.Queue()
    promoters = [start(compete, home, number, gate, results) for number in range(1, PROMOTERS + 1)]
    shelf = Shelf(home)
    ledger = shelf.registrar.ledger
    for _ in range(ROUNDS):
        before = ledger.head(MODEL)
        champion = shelf.state.champion
        gate.wait(300)
        gate.wait(300)
        outcomes = dict(results.get(timeout=300) for _ in range(PROMOTERS))
        winners = [number for number, outcome in outcomes.items() if outcome is True]
        entries = ledger.entries(MODEL, after=before.sequence)
        assert [entry.to_version for entry in entries if entry.kind.value == "promoted"] == winners, outcomes
        assert len(winners) == 1, outcomes
        contenders = {number for number in outcomes if number != champion}
        assert {entry.to_version for entry in entries} == contenders, "the ledger has every attempt"
        assert all(
            outcome is True or "another was faster" in str(outcome)
            for number, outcome in outcomes.items()
            if number != champion
        ), outcomes
        assert shelf.champion == winners[0], "the alias is where the ledger says"
        gate.wait(300)
    for promoter in promoters:
        promoter.join(60)
    assert broken_link(ledger.entries(MODEL)) is None
    ledger.close()
