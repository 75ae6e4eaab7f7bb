"""Light work waits for no training, only for a measurement; and what it finds to do is handed on to those that may do it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import look as module
from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landing import land, open_inbox
from flows.inbox.rows import Columns
from flows.inbox.standing import remembered_standing
from flows.servers import migration
from flows.servers.light_worker import LONGEST_S, Patience
from registry.inbox import FollowUp, Known, Wait
from tasks.families.load_recipe import load_recipe
from tasks.machine.machine_lock import FOLDER_VARIABLE, exclusive_machine, is_measured
from tests.conftest import write_rows

NAME = "intents"
RECIPE = """\
name: intents
task: text-classification
data: {{train: train.jsonl}}
base_model: base
targets: [local-cpu]
intake: {{min_rows: 2, min_rows_per_label: 2, debounce_s: {debounce_s}, cool_down_s: 0}}
"""


class Looking:
    """A home and a recipe; what would be asked of Prefect's server is noted."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.home = folder, Home(folder / "home")
        self.handed_on: list[str] = []
        self.asked: list[datetime | None] = []
        patch.setenv("MIAOTUI_HOME", str(self.home.folder))
        patch.setattr(module, "hand_on", lambda name: self.handed_on.append(name) or f"take-in/{name} takes them in")
        patch.setattr(module, "ask_again", lambda _name, at: self.asked.append(at))

    def land(self, *labels: str) -> None:
        rows = [{"text": f"text {label} {number}", "label": label} for number, label in enumerate(labels)]
        land(self.home, NAME, [write_rows(self.folder / "new.jsonl", rows)], columns=Columns())

    def look(self, *, debounce_s: int = 0) -> Any:
        return module.look.fn(str(write_recipe(self.folder, debounce_s)))


def write_recipe(folder: Path, debounce_s: int = 0) -> Path:
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(debounce_s=debounce_s), encoding="utf-8")
    return recipe


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    return Looking(tmp_path, monkeypatch)


def test_nothing_is_handed_on_where_nothing_landed(looking: Looking) -> None:
    assert looking.look().name == module.NOTHING_LANDED
    assert looking.handed_on == []


def test_rows_that_are_enough_are_handed_on(looking: Looking) -> None:
    looking.land("pay", "pay", "new", "new")
    state = looking.look()
    assert (state.name, state.message) == (module.HANDED_ON, "4 rows wait; take-in/intents takes them in")
    assert looking.handed_on == [NAME]


def test_rows_that_landed_a_moment_ago_are_looked_at_again_when_it_is_quiet(looking: Looking) -> None:
    looking.land("pay", "pay")
    assert looking.look(debounce_s=600).name == module.WAITING
    assert looking.handed_on == []
    (again,) = looking.asked
    assert again is not None
    assert timedelta(minutes=9) < again - datetime.now(UTC) <= timedelta(minutes=10)
    standing = remembered_standing(InboxFolders.of(looking.home, NAME))
    assert standing is not None
    assert standing.wait is not None


def test_too_few_rows_wait_without_a_run(looking: Looking) -> None:
    looking.land("pay")
    state = looking.look()
    assert (state.name, looking.handed_on, looking.asked) == (module.WAITING, [], [None])
    assert state.message == "1 rows to take in, at least 2 are needed"


def test_a_batch_that_a_run_was_cut_off_from_is_handed_on(looking: Looking) -> None:
    looking.land("pay", "pay")
    looking.look()
    with open_inbox(looking.home) as inbox:
        policy = SimpleNamespace(
            min_rows=2, min_rows_per_label=2, debounce_s=0, cool_down_s=0, max_wait_s=0, lease_s=600
        )
        inbox.claim_batch(NAME, "killed", policy=policy, now=datetime.now(UTC), known=Known(labels=frozenset({"pay"})))
    assert "is gone on with" in looking.look().message
    assert looking.handed_on == [NAME, NAME]


def test_what_a_run_left_open_is_handed_on_when_it_is_due(looking: Looking) -> None:
    looking.land("pay", "pay")
    recipe = load_recipe(write_recipe(looking.folder), []).recipe
    now = datetime.now(UTC)
    later = FollowUp(sentence="only time was undecided", again_at=now + timedelta(hours=1))
    with open_inbox(looking.home) as inbox:
        assert module.to_do(inbox, recipe, later, now + timedelta(hours=1)) == "only time was undecided"
        assert module.to_do(inbox, recipe, later, now) == "2 rows wait"
        empty = SimpleNamespace(batches=lambda _name: (), portions=lambda _name: ())
        waits = module.to_do(empty, recipe, later, now)
        assert isinstance(waits, Wait)
        assert waits.until == later.again_at


def test_a_measurement_is_waited_for_though_not_for_ever() -> None:
    patience = Patience()
    assert not patience.waits(False, 0.0)
    assert patience.waits(True, 10.0)
    assert patience.waits(True, 10.0 + LONGEST_S)
    assert not patience.waits(True, 11.0 + LONGEST_S)
    assert not patience.waits(False, 12.0 + LONGEST_S)
    assert patience.waits(True, 13.0 + LONGEST_S)


def test_whether_this_machine_measures_is_seen_without_taking_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert not is_measured()
    with exclusive_machine():
        assert is_measured()
    assert not is_measured()


def test_deployments_of_old_are_moved_and_looks_within_take_in_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {
        "review-sweep": [{"id": "1", "name": "all-models", "work_queue_name": "default"}],
        "retention": [{"id": "2", "name": "all-models", "work_queue_name": "light"}],
        "take-in": [
            {"id": "3", "name": "old", "work_queue_name": "default", "schedules": [{"active": True}]},
            {"id": "4", "name": "new", "work_queue_name": "default", "schedules": []},
        ],
    }
    changed: list[tuple[str, Any]] = []
    monkeypatch.setattr(migration, "ask", lambda _url, question: held.get(question["flows"]["name"]["any_"][0]))
    monkeypatch.setattr(migration, "change", lambda url, values: changed.append((url, values)) or True)
    said = list(migration.move_light_deployments("http://h/api"))
    assert changed == [("http://h/api/deployments/1", {"work_queue_name": "light"})]
    assert [sentence.split()[0] for sentence in said] == ["review-sweep/all-models", "take-in/old"]
    assert said[1].endswith("run: miaotui deploy RECIPE")


def test_a_deployment_that_could_not_be_moved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [{"id": "1", "name": "all-models", "work_queue_name": "default"}]
    monkeypatch.setattr(
        migration, "ask", lambda _url, question: held if "retention" in question["flows"]["name"]["any_"] else []
    )
    monkeypatch.setattr(migration, "change", lambda _url, _values: False)
    (said,) = migration.move_light_deployments("http://h/api")
    assert said.startswith("retention/all-models still waits behind trainings")
    assert said.endswith("run: miaotui up")
