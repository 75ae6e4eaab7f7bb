"""kill -9 before every single write of promote, rollback and review: what is cut off is finished or undone later.

Each case runs in a process of its own that kills itself at one write point. Afterwards a sweep has to bring ledger,
aliases and tags to agreement, with a champion that was promoted, and a repetition has to come to the intended end.
"""

import os
import signal
from contextlib import suppress
from datetime import timedelta

import pytest

from registry.audit import audit
from registry.promotion import override, promote_version
from registry.review import answer, sweep
from registry.rollback import rollback
from registry.settlement import request_review, settle
from registry.write_points import listening
from tasks.errors import UserError
from tasks.recipe.schema import PromotionConfig
from tests.registry.children import start
from tests.registry.shelf import MODEL, Shelf

pytestmark = pytest.mark.slow


def promote_second(shelf):
    promote_version(shelf.registrar, MODEL, 2, reason="x")


def settle_second(shelf):
    settle(shelf.registrar, shelf.get(2), config=PromotionConfig(), judged_against=1)


def approve_second(shelf):
    request_review(shelf.registrar, shelf.get(2))
    answer(shelf.registrar, MODEL, 2, approve=True, note="")


def approve_second_in_the_ui(shelf):
    request_review(shelf.registrar, shelf.get(2))
    shelf.set_review(2, "approved")
    shelf.client.set_registered_model_alias(MODEL, "approved", "2")
    sweep(shelf.registrar, MODEL)


def override_second(shelf):
    override(shelf.registrar, MODEL, 2, reason="x", lasts=timedelta(days=1))


def roll_back_to_first(shelf):
    rollback(shelf.registrar, MODEL, reason="x")


ACTIONS = (promote_second, settle_second, approve_second, approve_second_in_the_ui, override_second, roll_back_to_first)


def prepared(home) -> Shelf:
    """Version 1 serves; version 2 has passed against it."""
    shelf = Shelf(home)
    promote_version(shelf.registrar, MODEL, shelf.put().version, reason="x")
    shelf.put(against=1)
    return shelf


def write_points(home, action) -> list[str]:
    """The write points of an action that nothing cuts off."""
    shelf = prepared(home)
    if action is roll_back_to_first:
        promote_second(shelf)
    seen: list[str] = []
    with listening(seen.append):
        action(shelf)
    shelf.registrar.ledger.close()
    return seen


def die_at(place: int, home, action) -> None:
    """In a child: kill it at the `place`-th write point."""
    counted = [0]

    def count(_name: str) -> None:
        if counted[0] == place:
            os.kill(os.getpid(), signal.SIGKILL)
        counted[0] += 1

    shelf = Shelf(home)
    with listening(count):
        action(shelf)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_was_cut_off_at_any_write_is_finished_or_undone(tmp_path, home, action, monkeypatch, migrated_database):
    if "MLFLOW_TRACKING_URI" in os.environ:
        pytest.skip("one copy of the registry per write point; the race has PostgreSQL")
    points = write_points(home, action)
    assert len(points) >= 4
    for place, name in enumerate(points):
        own = tmp_path / f"{place}"
        own.mkdir()
        (own / "mlflow.db").write_bytes(migrated_database.read_bytes())
        shelf = prepared(own)
        if action is roll_back_to_first:
            promote_second(shelf)
        serving = shelf.champion
        shelf.registrar.ledger.close()
        child = start(die_at, place, own, action)
        child.join(120)
        assert child.exitcode == -signal.SIGKILL, name

        shelf = Shelf(own)
        sweep(shelf.registrar, MODEL)
        intended = 1 if action is roll_back_to_first else 2
        assert shelf.champion in (serving, intended), name
        assert shelf.champion in shelf.state.moves, name
        assert not [problem for problem in audit(shelf.registrar, MODEL) if "bytes" not in problem], name
        if shelf.champion != intended:
            with suppress(UserError):  # an answer that was taken in before the kill cannot be given again
                action(shelf)
            sweep(shelf.registrar, MODEL)
        assert shelf.champion == intended, name
        assert shelf.kinds.count("promoted") <= 2, name
        shelf.registrar.ledger.close()
