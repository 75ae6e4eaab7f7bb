"""Old runs, models and versions go; nothing goes that serves, may serve again, is running or belongs to another."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from mlflow.entities import ViewType

from registry.owners import HOME_TAG
from registry.retention import (
    Item,
    Protected,
    RetentionPlan,
    RetentionPolicy,
    carry_out,
    delete_item,
    plan_retention,
    standing_digests,
)
from registry.store import MlflowStore
from registry.tracking import RunTracker, StepLog
from tests.mlflow_server import mlflow_server

NAME = "support-intents"
LATER = datetime.now(UTC) + timedelta(days=200)
STRICT = RetentionPolicy(days=90, versions=1, runs=1)


def digest(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def store(home) -> MlflowStore:
    return MlflowStore.of_home(home)


@pytest.fixture
def nights(home, store) -> list[str]:
    """The ids of four nights' runs; night n registered version n of a bundle whose digest is n."""
    return [night(home, number) for number in (1, 2, 3, 4)]


def night(home: Path, number: int, name: str = NAME) -> str:
    """A finished run with a step, a file, a logged model and a registered version, as the pipeline leaves them."""
    tracker = RunTracker(home, name)
    run_id = tracker.start(f"night {number}", {}, {})
    tracker.log_step(StepLog(name="evaluate", result=None, seconds=1))
    tracker.log_text("x" * 100 * number, "report.html")
    tracker.log_metrics({"accuracy": number / 10})
    client = tracker.client
    tags = {"bundle_digest": digest(number)}
    model = client.create_logged_model(tracker.experiment_id, name="bundle", source_run_id=run_id, tags=tags)
    folder = home / f"model-{number}"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(1000 * number))
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    source = model.artifact_location if tracker.store.serverless else f"models:/{model.model_id}"
    client.create_model_version(name, source=source, run_id=run_id, tags=tags, model_id=model.model_id)
    client.set_terminated(run_id)
    return run_id


def plan_of(store: MlflowStore, protected: Protected | None = None, **replaced) -> RetentionPlan:
    return plan_retention(store, STRICT.model_copy(update=replaced), protected or Protected(), LATER)


def delete(store: MlflowStore, plan: RetentionPlan, protected: Callable[[], Protected] = Protected, **options):
    return carry_out(plan, protected, partial(delete_item, store, now=LATER), **options)


def doomed(plan: RetentionPlan, kind: str) -> set[str]:
    return {item.id for item in plan.doomed if item.kind == kind}


def why_kept(plan: RetentionPlan, identity: str) -> str:
    (reason,) = [entry.reason for entry in plan.kept if entry.id == identity]
    return reason


def state(store: MlflowStore) -> object:
    """All that can be seen of a store."""
    client = store.open()
    experiments = [entry.experiment_id for entry in client.search_experiments()]
    return (
        sorted((entry.name, entry.version) for entry in client.search_model_versions()),
        sorted((model.name, tuple(sorted(model.aliases.items()))) for model in client.search_registered_models()),
        sorted(run.info.run_id for run in client.search_runs(experiments)),
        sorted(model.model_id for model in client.search_logged_models(experiments)),
        sorted(str(path.relative_to(store.home)) for path in artifacts(store)),
    )


def artifacts(store: MlflowStore) -> list[Path]:
    return [path for path in (store.home / "mlartifacts").rglob("*") if path.is_file()]


def weights(store: MlflowStore) -> list[int]:
    """The sizes of the models that are left; that of night n has n thousand bytes."""
    return sorted(path.stat().st_size for path in artifacts(store) if path.name == "weights.bin")


def test_what_is_old_and_not_among_the_newest_goes_with_all_that_rests_on_nothing_else(store, nights):
    plan = plan_of(store)
    assert doomed(plan, "version") == {f"{NAME}/{number}" for number in (1, 2, 3)}
    assert doomed(plan, "run") == set(nights[:3])
    assert len(doomed(plan, "logged model")) == 3
    assert why_kept(plan, nights[3]).startswith(f"{NAME}/4, m-")
    outcome = delete(store, plan)
    assert (outcome.deleted, outcome.spared) == (plan.doomed, ())
    versions, _, runs, models, files = state(store)
    assert versions == [(NAME, 4)]
    assert set(runs) > {nights[3]}
    assert len(runs) == 2  # the run and its step
    assert len(models) == 1
    assert [Path(file).name for file in files].count("weights.bin") == 1
    assert plan_of(store).doomed == ()


def test_a_plan_says_exactly_how_many_bytes_it_sets_free(store, nights):
    plan = plan_of(store)
    before = sum(path.stat().st_size for path in artifacts(store))
    delete(store, plan)
    after = sum(path.stat().st_size for path in artifacts(store))
    assert plan.bytes == before - after == 6 * 1000 + 6 * 100


def test_a_dry_run_changes_nothing(store, nights):
    before = state(store)
    assert plan_of(store).doomed
    assert state(store) == before
    assert not (store.home / "trash").exists()


@pytest.mark.slow
def test_the_numbers_of_a_deleted_run_stay_in_mlflows_bin(store, nights):
    delete(store, plan_of(store))
    run = store.open().get_run(nights[0])
    assert run.info.lifecycle_stage == "deleted"
    assert run.data.metrics["accuracy"] == pytest.approx(0.1)


@pytest.mark.slow
def test_mlflows_own_garbage_collection_empties_the_bin_afterwards(store, nights):
    delete(store, plan_of(store))
    uri = store.tracking_uri
    command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri]
    done = subprocess.run(command, capture_output=True, text=True, cwd=store.home, check=False)
    assert done.returncode == 0, done.stderr
    client = store.open()
    experiments = [entry.experiment_id for entry in client.search_experiments()]
    assert len(client.search_runs(experiments, run_view_type=ViewType.ALL)) == 2
    assert weights(store) == [4000]


@pytest.mark.slow
@pytest.mark.network
def test_behind_a_server_the_files_go_too(tmp_path, monkeypatch):
    served = tmp_path / "served"
    served.mkdir()
    with mlflow_server(f"sqlite:///{served / 'mlflow.db'}", served) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        home = tmp_path / "home"
        home.mkdir()
        store = MlflowStore.of_home(home)
        runs = [night(home, number) for number in (1, 2)]
        before = sum(path.stat().st_size for path in (served / "artifacts").rglob("*") if path.is_file())
        plan = plan_of(store)
        assert doomed(plan, "run") == {runs[0]}
        assert delete(store, plan).deleted == plan.doomed
        after = sum(path.stat().st_size for path in (served / "artifacts").rglob("*") if path.is_file())
        assert plan.bytes == before - after == 1100
        assert plan_of(store).doomed == ()


class TestProtection:
    @pytest.mark.parametrize("alias", ["champion", "challenger", "of-somebody"])
    def test_a_version_with_an_alias(self, store, nights, alias):
        store.open().set_registered_model_alias(NAME, alias, "1")
        plan = plan_of(store)
        assert why_kept(plan, f"{NAME}/1") == f"it is the {alias}"
        assert nights[0] not in doomed(plan, "run")
        assert digest(1) in standing_digests(store, Protected())

    @pytest.mark.parametrize(
        ("named", "said"),
        [
            (lambda _runs: Protected(versions=frozenset({(NAME, 1)})), "it is protected"),
            (lambda runs: Protected(runs=frozenset({runs[0]})), "its run is protected"),
            (lambda _runs: Protected(bundle_digests=frozenset({digest(1)})), "its bundle is protected"),
        ],
        ids=["a version", "its run", "its bundle"],
    )
    def test_what_the_caller_names(self, store, nights, named, said):
        protected = named(nights)
        plan = plan_of(store, protected)
        assert why_kept(plan, f"{NAME}/1") == said
        assert nights[0] not in doomed(plan, "run")
        assert len(doomed(plan, "logged model")) == 2
        delete(store, plan, lambda: protected)
        assert (NAME, 1) in state(store)[0]
        assert len(state(store)[3]) == 2

    def test_the_newest_versions_and_runs(self, store, nights):
        assert doomed(plan_of(store, versions=3), "version") == {f"{NAME}/1"}
        plan = plan_of(store, runs=3)
        assert doomed(plan, "run") == {nights[0]}
        assert why_kept(plan, nights[1]) == "it is among the newest 3 of its experiment"
        assert len(doomed(plan, "logged model")) == 3, "a run may stay for its numbers when its model goes"

    def test_what_is_younger_than_the_policy_says(self, store, nights):
        assert plan_of(store, days=365).doomed == ()
        assert why_kept(plan_of(store, days=365), f"{NAME}/1") == "it is younger than 365 days"

    def test_what_is_younger_than_a_day_under_any_policy(self, store, nights):
        now = datetime.now(UTC) + timedelta(hours=23)
        plan = plan_retention(store, RetentionPolicy(days=1, versions=1, runs=1), Protected(), now)
        assert plan.doomed == ()
        with pytest.raises(ValueError, match="greater than or equal to 1"):
            RetentionPolicy(days=0.5)

    def test_a_run_that_goes_on_also_when_only_a_step_of_it_does(self, store, nights):
        client = store.open()
        client.update_run(nights[1], status="RUNNING")
        experiment = client.get_run(nights[0]).info.experiment_id
        (step,) = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{nights[0]}'")
        client.update_run(step.info.run_id, status="RUNNING")
        plan = plan_of(store)
        assert {why_kept(plan, run_id) for run_id in nights[:2]} == {"it is running"}
        assert doomed(plan, "run") == {nights[2]}

    @pytest.mark.slow
    def test_a_copy_under_another_name_keeps_the_files_that_it_serves_from(self, store, nights):
        client = store.open()
        client.copy_model_version(f"models:/{NAME}/1", f"{NAME}-prod")
        client.set_registered_model_alias(f"{NAME}-prod", "champion", "1")
        plan = plan_of(store)
        delete(store, plan)
        assert (NAME, 1) not in state(store)[0]
        assert nights[0] in state(store)[2]
        assert weights(store) == [1000, 4000]

    @pytest.mark.slow
    def test_what_another_home_or_another_project_made(self, store, nights):
        client = store.open()
        client.set_tag(nights[0], HOME_TAG, "another home")
        client.delete_tag(nights[1], HOME_TAG)
        plan = plan_of(store)
        assert doomed(plan, "run") == {nights[2]}
        assert doomed(plan, "version") == {f"{NAME}/3"}
        assert not [entry for entry in plan.kept if entry.id in (*nights[:2], f"{NAME}/1", f"{NAME}/2")]

    def test_a_home_without_a_store_has_nothing_to_lose(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = MlflowStore.of_home(tmp_path / "home")
        assert plan_of(store).doomed == ()
        assert not (tmp_path / "home").exists()


@pytest.mark.slow
class TestCachedBundles:
    def test_copies_go_but_of_bundles_that_may_serve(self, store, nights):
        client = store.open()
        client.set_registered_model_alias(NAME, "champion", "2")
        for number in (2, 3):
            (store.home / "models" / digest(number)).mkdir(parents=True)
            (store.home / "models" / digest(number) / "weights.bin").write_bytes(bytes(10))
        (store.home / "models" / "tmp-of-a-download").mkdir()
        plan = plan_of(store)
        assert [(item.id, item.bytes) for item in plan.doomed if item.kind == "cached bundle"] == [(digest(3), 10)]
        assert doomed(plan, "leftover") == {"models/tmp-of-a-download"}
        delete(store, plan)
        assert [path.name for path in (store.home / "models").iterdir()] == [digest(2)]

    def test_a_copy_of_what_becomes_champion_meanwhile_is_spared(self, store, nights):
        (store.home / "models" / digest(4)).mkdir(parents=True)
        plan = plan_of(store)
        store.open().set_registered_model_alias(NAME, "champion", "4")
        (spared,) = delete(store, plan).spared
        assert (spared.kind, spared.reason) == ("cached bundle", "it serves, or may serve again")


@pytest.mark.slow
class TestProtectedMeanwhile:
    def test_a_version_that_gets_an_alias_after_the_plan_keeps_it(self, store, nights):
        plan = plan_of(store)
        store.open().set_registered_model_alias(NAME, "champion", "2")
        outcome = delete(store, plan)
        assert {(entry.kind, entry.reason) for entry in outcome.spared} == {
            ("version", "it is the champion"),
            ("logged model", f"{NAME}/2 rests on it"),
            ("run", f"{NAME}/2 rests on it"),
        }
        assert store.open().get_model_version_by_alias(NAME, "champion").version == 2
        assert weights(store) == [2000, 4000]

    def test_protection_is_asked_before_every_deletion(self, store, nights):
        seen: list[Item] = []
        outcome = delete(
            store,
            plan_of(store),
            lambda: Protected(versions=frozenset({(NAME, 1)} if seen else ())),
            on_decided=lambda entry: seen.append(entry),
        )
        first, *others = [entry for entry in seen if entry.kind == "version"]
        assert first in outcome.deleted
        assert [entry.id for entry in others if entry in outcome.spared] == [f"{NAME}/1"]

    def test_a_run_that_is_taken_up_again_after_the_plan_stays(self, store, nights):
        plan = plan_of(store)
        store.open().update_run(nights[0], status="RUNNING")
        outcome = delete(store, plan)
        assert nights[0] in {entry.id for entry in outcome.spared}
        assert nights[0] in state(store)[2]

    def test_a_copy_made_after_the_plan_keeps_its_files(self, store, nights):
        plan = plan_of(store)
        store.open().copy_model_version(f"models:/{NAME}/3", f"{NAME}-prod")
        delete(store, plan)
        assert weights(store) == [3000, 4000]


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> Iterator[list[str]]:
    """Every deleting call counts twice, before and after it; at the given count the process is killed."""
    from mlflow import MlflowClient
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    calls: list[str] = []

    def counted(name: str, function):
        def call(*arguments, **named):
            for state in ("before", "after"):
                calls.append(f"{state} {name}")
                if len(calls) == moment:
                    raise KilledError(calls[-1])
                if state == "before":
                    function(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for owner, names in (
            (MlflowClient, ("delete_model_version", "delete_logged_model", "delete_run")),
            (LocalArtifactRepository, ("delete_artifacts",)),
            (os, ("unlink",)),
        ):
            for name in names:
                patch.setattr(owner, name, counted(name, getattr(owner, name)))
        yield calls


@pytest.mark.slow
def test_killed_at_any_moment_it_can_be_repeated_and_the_champion_stands(home, store, monkeypatch):
    night(home, 1)
    store.open().set_registered_model_alias(NAME, "champion", "1")
    night(home, 2)
    newest, moment, interrupted = 2, 1, []
    while True:  # each time the night before the newest is to go, and the process is killed one moment later
        newest += 1
        night(home, newest)
        with killed_at(monkeypatch, moment):
            try:
                delete(store, plan_of(store))
            except KilledError as killed:
                interrupted.append(str(killed))
        assert store.open().get_model_version_by_alias(NAME, "champion").version == 1
        assert {1000, 1000 * newest} <= set(weights(store))
        delete(store, plan_of(store))
        assert plan_of(store).doomed == ()
        assert state(store)[0] == [(NAME, 1), (NAME, newest)]
        assert weights(store) == [1000, 1000 * newest]
        if len(interrupted) < moment:
            break
        moment += 1
    assert {name.split()[1] for name in interrupted} == {
        "delete_model_version",
        "delete_logged_model",
        "delete_artifacts",
        "delete_run",
        "unlink",
    }
