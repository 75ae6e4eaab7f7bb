"""Nights of a pipeline as they stand in MLflow's store, months later, and what a strict policy would delete of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from registry.retention import Protected, RetentionPlan, RetentionPolicy, carry_out, delete_item, plan_retention
from registry.store import MlflowStore
from registry.tracking import RunTracker, StepLog

NAME = "support-intents"
LATER = datetime.now(UTC) + timedelta(days=200)
STRICT = RetentionPolicy(days=90, versions=1, runs=1)


def digest(number: int) -> str:
    return f"{number:064x}"


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
