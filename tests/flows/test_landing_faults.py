"""kill -9 before every write of landing, sweeping, claiming and completing: every row is processed exactly once after it."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.home import Home
from flows.inbox.batches import claim_batch, complete
from flows.inbox.files import InboxFolders
from flows.inbox.landing import land, open_inbox, sweep_inbox
from registry.inbox import FileState, Wait
from registry.write_points import listening
from tasks.recipe.intake import IntakeConfig
from tests.conftest import write_rows
from tests.registry.children import start

pytestmark = pytest.mark.slow

NAME = "m"
POLICY = IntakeConfig(min_rows=1, min_rows_per_label=1, debounce_s=0, cool_down_s=0, lease_s=60)
NOW = datetime.now(UTC) + timedelta(hours=2)  # nobody finishes what is half-written


def work(folder: Path, key: str = "first", now: datetime = NOW) -> None:
    """One file is landed, one was dropped; a run takes both in."""
    home = Home(folder / "home")
    land(home, NAME, [folder / "landed.jsonl"], now=now)
    sweep_inbox(home, NAME, announce=lambda _: None, now=now)
    if not isinstance(claim_batch(home, NAME, key, policy=POLICY, now=now), Wait):
        complete(home, NAME, key, ok=True, now=now)


def prepared(folder: Path) -> Path:
    drop = InboxFolders.of(Home(folder / "home"), NAME).drop
    drop.mkdir(parents=True)
    write_rows(folder / "landed.jsonl", [{"text": "a", "label": "x"}, {"text": "", "label": "x"}])
    write_rows(drop / "dropped.jsonl", [{"text": "b", "label": "x"}, {"text": "c", "label": "y"}])
    return folder


def die_at(place: int, folder: Path, now: datetime) -> None:
    """In a child: kill it at the `place`-th write point."""
    seen: list[str] = []

    def count(name: str) -> None:
        if len(seen) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(name)

    with listening(count):
        work(folder, now=now)


@pytest.mark.parametrize("by", ["the same run", "another run"])
def test_every_row_is_processed_once_after_a_kill_at_any_write(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MIAOTUI_LEDGER_URI"):
        monkeypatch.delenv(name, raising=False)
    points: list[str] = []
    (tmp_path / "whole").mkdir()
    with listening(points.append):
        work(prepared(tmp_path / "whole"))
    assert len(points) >= 14
    key, now = ("first", NOW) if by == "the same run" else ("second", NOW + timedelta(seconds=61))
    for place, name in enumerate(points):
        folder = tmp_path / str(place)
        folder.mkdir()
        child = start(die_at, place, prepared(folder), NOW)
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, name
        work(folder, key, now)
        with open_inbox(Home(folder / "home")) as inbox:
            assert [file.state for file in inbox.files(NAME)] == [FileState.PROCESSED] * 2, name
            assert sum(portion.rows for portion in inbox.portions(NAME)) == 3, name
            assert all(portion.batch in ("first", key) for portion in inbox.portions(NAME)), name
            assert all(file.announced_at for file in inbox.files(NAME)), name
        third = claim_batch(Home(folder / "home"), NAME, "third", policy=POLICY, now=now + timedelta(days=1))
        assert isinstance(third, Wait), name
        assert third.reason == "no rows to take in", name
