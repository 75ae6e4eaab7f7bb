"""Old runs, models and versions go; nothing goes that serves, may serve again, is running or belongs to another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow.entities import ViewType

from registry.store import MlflowStore
from tests.mlflow_server import mlflow_server
from tests.registry.nights import NAME, artifacts, delete, doomed, night, plan_of, state, weights, why_kept


@pytest.fixture
def store(home) -> MlflowStore:
    return MlflowStore.of_home(home)


@pytest.fixture
def nights(home, store) -> list[str]:
    """The ids of four nights' runs; night n registered version n of a bundle whose digest is n."""
    return [night(home, number) for number in (1, 2, 3, 4)]


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
            for when in ("before", "after"):
                calls.append(f"{when} {name}")
                if len(calls) == moment:
                    raise KilledError(calls[-1])
                if when == "before":
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
