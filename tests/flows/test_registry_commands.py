"""The commands that decide what serves, and those that show it: one line each, and exit codes that say what happened."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.command_line import main
from flows.command_line.history import line
from flows.review import SECRET, review_sweep, webhook_app
from registry.ledger import Draft, Kind
from registry.registrar import Registrar
from registry.settlement import request_review
from tasks.errors import UserError
from tests.registry.shelf import Shelf


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MIAOTUI_LEDGER_URI"):
            patch.delenv(name, raising=False)
        patch.setenv("MIAOTUI_HOME", str(folder))
        yield folder


@pytest.fixture
def shelf(home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A model of the test's own in one registry; whoever opens it gets the shelf's clock and blessing."""
    shelf = Shelf(home, model=request.node.name.replace("_", "-")[:60])
    monkeypatch.setattr(Registrar, "of_home", classmethod(lambda *_, **__: shelf.registrar))
    yield shelf
    shelf.registrar.ledger.close()


def run(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    captured = capfd.readouterr()
    said = captured.out if code in (0, 3) else captured.err
    assert "Traceback" not in captured.err
    return said.strip()


def test_promote_review_and_rollback(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    shelf.put()
    assert "1 is the champion now" in run(capfd, "promote", shelf.model, "1")
    request_review(shelf.registrar, shelf.put(against=1))
    assert "2 is the champion now, after version 1" in run(
        capfd, "review", shelf.model, "2", "approve", "--note", "20 answers checked"
    )
    assert "1 is the champion now, after version 2" in run(capfd, "rollback", shelf.model, "--reason", "it misanswers")
    assert "never was the champion" in run(capfd, "rollback", shelf.model, "--to", "7", code=2)
    assert shelf.champion == 1


def test_promote_without_a_version_takes_the_challenger(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    version = shelf.put()
    assert "has no challenger; name a VERSION" in run(capfd, "promote", shelf.model, code=2)
    request_review(shelf.registrar, version)
    assert "1 is the champion now" in run(capfd, "promote", shelf.model)


def test_a_fail_is_promoted_only_by_an_override(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    shelf.put("FAIL")
    assert "only PASS is promoted" in run(capfd, "promote", shelf.model, "1", code=2)
    assert "needs a reason" in run(capfd, "promote", shelf.model, "1", "--override", code=2)
    arguments = ("promote", shelf.model, "1", "--override", "--reason", "the old one leaks", "--expires", "2")
    assert "1 is the champion now" in run(capfd, *arguments)


def test_history_prints_who_did_what_and_why(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    shelf.put()
    run(capfd, "promote", shelf.model, "1", "--reason", "two\nlines")
    lines = run(capfd, "history", shelf.model).splitlines()
    assert [entry.split()[3] for entry in lines] == ["registered", "promoted"]
    assert lines[1].endswith("tester  two lines")
    assert len(run(capfd, "history", shelf.model, "--last", "1").splitlines()) == 1
    documents = [json.loads(entry) for entry in run(capfd, "history", shelf.model, "--json").splitlines()]
    assert documents[1]["previous"] == documents[0]["hash"]
    assert "nothing about nobody" in run(capfd, "history", "nobody", code=2)


def test_a_line_of_history_is_one_line() -> None:
    from datetime import UTC, datetime

    from registry.ledger import Entry

    draft = Draft(kind=Kind.ROLLED_BACK, actor="a", reason="x\ny", from_version=2, to_version=1)
    entry = Entry.sealed("m", draft, sequence=12, at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), previous="0" * 64)
    assert line(entry) == "   12  2026-01-02 03:04:05  rolled back  2→1        -             a  x y"


def test_verify_says_what_does_not_agree(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    shelf.put()
    run(capfd, "promote", shelf.model, "1")
    shelf.client.delete_registered_model_alias(shelf.model, "champion")
    said = run(capfd, "verify", shelf.model, code=3)
    assert "alias champion was gone; by the ledger it belongs to version 1" in said
    assert "nothing about nobody" in run(capfd, "verify", "nobody", code=2)


def test_sweep_carries_out_what_was_answered_in_the_ui(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    request_review(shelf.registrar, shelf.put())
    shelf.set_review(1, "approved")
    assert "is the champion now" in run(capfd, "sweep", shelf.model)
    assert run(capfd, "sweep", shelf.model) == ""
    assert "no address" in run(capfd, "sweep", "--listen", "nowhere", code=2)
    assert "must be above 0" in run(capfd, "sweep", "--every", "0", code=2)


def test_a_genuine_webhook_is_acted_upon(shelf: Shelf, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(UserError, match="MIAOTUI_WEBHOOK_SECRET"):
        webhook_app(home)
    monkeypatch.setenv(SECRET, "s")
    request_review(shelf.registrar, shelf.put())
    shelf.set_review(1, "approved")
    app = webhook_app(home)
    app._on_hint("a model that is not on the ledger", 1)
    assert shelf.champion is None
    app._on_hint(shelf.model, None)
    assert shelf.champion == 1


@pytest.mark.slow
@pytest.mark.prefect
def test_the_sweep_is_a_flow(shelf: Shelf) -> None:
    from prefect.testing.utilities import prefect_test_harness

    request_review(shelf.registrar, shelf.put())
    shelf.set_review(1, "approved")
    with prefect_test_harness(server_startup_timeout=180):
        assert any("is the champion now" in sentence for sentence in review_sweep(shelf.model))
    assert shelf.champion == 1


def test_clean_says_what_would_go_and_deletes_nothing_unasked(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    shelf.put()
    run(capfd, "promote", shelf.model, "1")
    said = run(capfd, "clean")
    assert "nothing was deleted\nto delete it, add --delete" in said
    assert "0 items" in said
    assert "greater than or equal to 1" in run(capfd, "clean", "--versions", "0", code=2)
    assert "deleted 0 items" in run(capfd, "clean", "--delete")
    assert shelf.champion == 1
