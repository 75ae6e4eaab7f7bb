"""What a run leaves in MLflow, and what it leaves alone."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from registry.checks import Outcome
from registry.flatten import metrics_of, parameters_of, safe_key
from registry.owners import close_killed_runs, owner_tags
from registry.store import MlflowStore
from registry.tracking import RunTracker, StepLog
from tasks.errors import UserError
from tasks.families.classification.recipe import Gates

ROOT = Path(__file__).parents[2]


def children(tracker):
    found = tracker.client.search_runs(
        [tracker.experiment_id], filter_string=f"tags.`mlflow.parentRunId` = '{tracker.run_id}'"
    )
    return {run.info.run_name: run for run in found}


def artifacts(tracker, run_id):
    return {entry.path for entry in tracker.client.list_artifacts(run_id)}


def status(tracker, run_id):
    return tracker.client.get_run(run_id).info.status


def test_a_parent_run_holds_the_whole_recipe(home, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x")
    tracker = RunTracker(home, "support-intents")
    settings = {
        "fine_tune": {"epochs": 3, "exits": None},
        "targets": ("local-cpu",),
        "many": dict.fromkeys(range(250), 1),
    }
    run_id = tracker.start("night", settings, {"miaotui.trigger": "schedule"}, files=[recipe])
    run = tracker.client.get_run(run_id)
    assert run.data.params["fine_tune.epochs"] == "3"
    assert run.data.params["fine_tune.exits"] == "null"
    assert run.data.params["targets"] == '["local-cpu"]'
    assert len(run.data.params) == 253
    assert run.data.tags["miaotui.trigger"] == "schedule"
    assert run.info.status == "RUNNING"
    assert artifacts(tracker, run_id) == {"recipe.yaml"}
    assert Path(run.info.artifact_uri).is_relative_to(home)


def test_a_step_is_a_child_run_with_its_settings_numbers_digests_and_files(tracker, evidence, tmp_path):
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "cost.svg").write_text("<svg/>")
    step = StepLog(
        name="evaluate",
        result=evidence.evaluation,
        parameters={"confidence": 0.95},
        data_digest="c" * 64,
        digest="e" * 64,
        seconds=12.5,
        files=(plots,),
    )
    run_id = tracker.log_step(step)
    run = children(tracker)["evaluate"]
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 12_500
    assert run.data.params == {"confidence": "0.95"}
    assert run.data.tags["miaotui.data_digest"] == "c" * 64
    assert run.data.tags["miaotui.artifact_digest"] == "e" * 64
    assert run.data.tags["miaotui.reused"] == "false"
    assert run.data.metrics["accuracy"] == pytest.approx(0.95)
    assert run.data.metrics["accuracy_low"] == pytest.approx(0.934)
    assert run.data.metrics["slices/banking/accuracy"] == pytest.approx(0.975)
    assert run.data.metrics["duration_s"] == 12.5
    assert artifacts(tracker, run_id) == {"result.json", "plots"}
    text = Path(run.info.artifact_uri, "result.json").read_text()
    assert type(evidence.evaluation).model_validate_json(text) == evidence.evaluation


def test_a_reused_step_takes_no_time_and_a_failed_one_says_why(tracker, evidence):
    tracker.log_step(StepLog(name="snapshot", result=evidence.snapshot, seconds=600, reused=True))
    tracker.log_step(StepLog(name="prune", result=None, seconds=1, error="out of memory"))
    runs = children(tracker)
    reused, failed = runs["snapshot"], runs["prune"]
    assert reused.info.end_time - reused.info.start_time < 5_000
    assert reused.data.tags["miaotui.reused"] == "true"
    assert failed.info.status == "FAILED"
    assert failed.data.tags["miaotui.error"] == "out of memory"
    assert artifacts(tracker, failed.info.run_id) == set()


def test_the_data_are_dataset_inputs_with_their_digests(tracker, evidence):
    tracker.log_snapshot(evidence.snapshot)
    inputs = tracker.client.get_run(tracker.run_id).inputs.dataset_inputs
    found = {
        entry.dataset.name: {tag.key: tag.value for tag in entry.tags} | {"digest": entry.dataset.digest}
        for entry in inputs
    }
    assert found["support-intents snapshot"]["sha256"] == "c" * 64
    assert found["support-intents snapshot"]["mlflow.data.context"] == "snapshot"
    assert found["data/train.jsonl"]["sha256"] == "a" * 64
    assert found["data/train.jsonl"]["digest"] == "a" * 36


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_run_that_came_to_a_verdict_is_finished(tracker, outcome):
    tracker.finish(outcome)
    run = tracker.client.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["miaotui.verdict"] == outcome.value


def test_a_verdict_is_logged_check_by_check(tracker, evidence, judged):
    tracker.log_verdict(judged(evidence))
    run = tracker.client.get_run(tracker.run_id)
    assert run.data.metrics["gates/accuracy/bound"] == pytest.approx(0.934)
    assert run.data.metrics["gates/latency_p99_ms/local-cpu/Server/threshold"] == 25
    assert "verdict.json" in artifacts(tracker, tracker.run_id)


def test_an_abandoned_run_says_why_and_one_never_started_is_left_alone(tracker, home):
    tracker.abandon("a disk is full")
    assert status(tracker, tracker.run_id) == "FAILED"
    RunTracker(home, "other").abandon("before the start")
    assert tracker.client.get_experiment_by_name("other") is None


def system_series(tracker):
    return {key for key in tracker.client.get_run(tracker.run_id).data.metrics if key.startswith("system/")}


def samplers():
    return [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


@pytest.mark.parametrize("end", [lambda tracker: tracker.finish(Outcome.PASS), lambda tracker: tracker.abandon("why")])
def test_the_machines_load_is_sampled_until_the_run_ends_however_it_ends(home, monkeypatch, end):
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    tracker = RunTracker(home, "support-intents")
    tracker.start("night", {}, {})
    give_up = time.monotonic() + 60
    while not system_series(tracker) and time.monotonic() < give_up:
        time.sleep(0.05)
    end(tracker)
    assert samplers() == []
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= system_series(tracker)


def test_nothing_is_sampled_unless_mlflows_settings_say_so(home, monkeypatch):
    monkeypatch.delenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", raising=False)
    tracker = RunTracker(home, "support-intents")
    tracker.start("night", {}, {})
    assert samplers() == []


@pytest.mark.slow
def test_the_run_of_a_killed_process_is_marked_killed_at_the_next_start(home):
    script = (
        "import os, signal, sys; from pathlib import Path; from registry.tracking import RunTracker;"
        "tracker = RunTracker(Path(sys.argv[1]), 'support-intents');"
        "print(tracker.start('killed', {}, {}));"
        "tracker.client.create_logged_model(tracker.experiment_id, name='bundle', source_run_id=tracker.run_id);"
        "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, home], capture_output=True, text=True, cwd=ROOT, check=False)
    assert killed.returncode == -9, killed.stderr
    run_id = killed.stdout.strip()

    tracker = RunTracker(home, "another-recipe")
    tracker.start("next", {}, {})
    run = tracker.client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert status(tracker, tracker.run_id) == "RUNNING"
    models = tracker.client.search_logged_models([run.info.experiment_id])
    assert [str(model.status) for model in models] == ["FAILED"]


@pytest.mark.parametrize(
    ("changed", "closed"),
    [
        ({}, False),
        ({"miaotui.process_started": "1.0"}, True),
        ({"miaotui.host": "elsewhere", "miaotui.process_started": "1.0"}, False),
        ({"miaotui.home_id": "another", "miaotui.process_started": "1.0"}, False),
    ],
    ids=["alive", "pid reused by a younger process", "another host", "another home"],
)
def test_only_runs_that_are_certainly_dead_are_closed(tracker, home, changed, closed):
    tags = owner_tags(home) | changed
    run = tracker.client.create_run(tracker.experiment_id, tags=tags)
    assert (run.info.run_id in close_killed_runs(tracker.client, home)) is closed
    assert status(tracker, run.info.run_id) == ("KILLED" if closed else "RUNNING")


def test_neither_mlflows_default_uri_nor_its_active_run_is_touched(tracker, evidence):
    import mlflow

    tracker.log_step(StepLog(name="evaluate", result=evidence.evaluation))
    assert mlflow.active_run() is None
    assert str(tracker.store.home) not in mlflow.get_tracking_uri()
    assert os.environ.get("MLFLOW_TRACKING_URI") == (None if tracker.store.embedded else tracker.store.tracking_uri)


def test_constructing_a_tracker_imports_and_writes_nothing(tmp_path):
    script = (
        "import sys; from pathlib import Path; from registry.tracking import RunTracker;"
        "RunTracker(Path(sys.argv[1]) / 'home', 'x'); print('mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "False"
    assert list(tmp_path.iterdir()) == []


class TestStore:
    def test_the_tracking_uri_of_the_environment_is_honoured(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
        store = MlflowStore.of_home(tmp_path)
        assert store.tracking_uri == store.registry_uri == "http://tracking.example:5000"
        assert not store.embedded
        assert store.artifact_location is None

    def test_a_server_that_does_not_answer_is_named_without_its_password(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
        with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9 does not answer") as caught:
            MlflowStore.of_home(tmp_path).open()
        assert "secret" not in str(caught.value)

    def test_a_file_that_is_no_database_is_named(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (tmp_path / "mlflow.db").write_text("these are my notes, not a database")
        with pytest.raises(UserError, match=r"mlflow\.db: is no SQLite database"):
            MlflowStore.of_home(tmp_path).open()

    def test_a_home_that_is_a_file_is_named(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (tmp_path / "home").write_text("")
        with pytest.raises(UserError, match="MIAOTUI_HOME"):
            MlflowStore.of_home(tmp_path / "home").open()

    def test_a_named_database_keeps_its_files_in_the_home_and_not_where_the_command_was_started(
        self, tmp_path, monkeypatch, migrated_database
    ):
        shutil.copyfile(migrated_database, tmp_path / "shared.db")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        tracker = RunTracker(tmp_path / "home", "support-intents")
        tracker.start("night", {}, {})
        tracker.log_text("hello", "note.txt")
        assert not tracker.store.embedded
        assert [path.name for path in (tmp_path / "home" / "mlartifacts").rglob("note.txt")] == ["note.txt"]
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_the_place_for_files_beside_a_database_can_be_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg://tracking.example/mlflow")
        monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://bucket/models")
        assert MlflowStore.of_home(tmp_path).artifact_location == "s3://bucket/models"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "shared/models")
        assert MlflowStore.of_home(tmp_path).artifact_location == str(tmp_path / "shared/models")

    @pytest.mark.parametrize(
        ("uri", "said"),
        [
            (
                "postgresql+psycopg://someone:secret@127.0.0.1:9/mlflow",
                r"//someone:\*\*\*@127\.0\.0\.1:9/mlflow cannot be",
            ),
            (
                "postgresql://someone:secret@127.0.0.1:9/mlflow",
                r"write postgresql\+psycopg://.*miaotui\[postgresql\]",
            ),
            (
                "postgresql+psycopg://someone:secret@127.0.0.1:port/mlflow",
                r"is no database URI; write postgresql\+psycopg",
            ),
        ],
        ids=["no answer", "no driver", "no URI"],
    )
    @pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
    def test_a_database_that_cannot_be_used_is_named_without_its_password(
        self, tmp_path, monkeypatch, migrated_database, variable, uri, said
    ):
        monkeypatch.setitem(sys.modules, "psycopg2", None)  # the driver that SQLAlchemy takes where none is named
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{migrated_database}")
        monkeypatch.setenv(variable, uri)
        with pytest.raises(UserError, match=f"{variable}: .*{said}") as caught:
            MlflowStore.of_home(tmp_path).open()
        assert "secret" not in str(caught.value)

    def test_tables_of_another_mlflow_are_named_with_the_way_out(self, home):
        from sqlalchemy import create_engine, text

        store = MlflowStore.of_home(home)
        with create_engine(store.tracking_uri).begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'of another version'"))
        way_out = f"mlflow db upgrade {store.tracking_uri}" if store.embedded else 'upgrade "$MLFLOW_TRACKING_URI"'
        with pytest.raises(UserError, match=re.escape(way_out)):
            store.open()

    def test_an_experiment_whose_files_a_server_keeps_is_not_written_past_the_server(self, home):
        tracker = RunTracker(home, "support-intents")
        tracker.client.create_experiment("support-intents", artifact_location="mlflow-artifacts:/1")
        with pytest.raises(UserError, match="kept by a server"):
            tracker.start("night", {}, {})

    def test_a_deleted_experiment_is_named_with_the_way_out(self, tracker, home):
        tracker.client.delete_experiment(tracker.experiment_id)
        with pytest.raises(UserError, match="mlflow experiments restore"):
            RunTracker(home, "support-intents").start("next", {}, {})


class TestFlatten:
    def test_numbers_get_readable_names(self, evidence):
        metrics = metrics_of(evidence.benchmarks[0])
        assert metrics["scenarios/Server/p99_ms"] == 8
        assert metrics["scenarios/Server/p99_upper_bound_ms"] == 9
        assert metrics["contenders/adaptive/speedup_low"] == 2.8
        assert metrics["stop_shares/lexical"] == 0.6
        assert not any("latencies" in name for name in metrics)

    def test_nested_records_and_flags_are_numbers_too(self, evidence):
        metrics = metrics_of(evidence.router)
        assert metrics["certificates/0.01/certified"] == 1
        assert metrics["certificates/0.01/test/p_value"] == 0.01

    def test_names_that_must_be_changed_stay_apart(self):
        assert safe_key("banking") == "banking"
        assert safe_key("what?") != safe_key("what!")
        assert "/" not in safe_key("a/b")

    def test_parameters_are_dotted_and_cut_to_what_mlflow_holds(self):
        parameters = parameters_of({"gates": Gates(accuracy=0.9), "long": "x" * 9000})
        assert parameters["gates.accuracy"] == "0.9"
        assert len(parameters["long"]) == 6000
