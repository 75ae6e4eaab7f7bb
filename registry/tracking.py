"""One run of the pipeline in MLflow: a parent run, and a child run for every step with all that it used and found.

Nothing is written before `start`, and MLflow is imported only then. Everything goes through one client with explicit
URIs; MLflow's active run and default URI are neither used nor changed.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from registry.checks import Outcome, Verdict
from registry.datasets import dataset_inputs
from registry.flatten import metrics_of, parameters_of, safe_key
from registry.owners import close_killed_runs, owner_tags
from registry.store import MlflowStore
from registry.system_metrics import SystemMetrics
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

# MLflow's limits for one request.
_PARAMETERS_PER_BATCH: Final = 100
_METRICS_PER_BATCH: Final = 1000
_MAX_TAG: Final = 5000


@dataclass(frozen=True)
class StepLog:
    """What one step leaves in the tracking store.

    `parameters`: the step's configuration (nested mappings are flattened). `data_digest`: the snapshot's content
    digest; `digest`: the artifact's. `reused`: it came out of the step cache, and `seconds` is what it had taken then.
    `files`: small files or folders worth keeping with the run; `result.json` is written always. A step that failed has
    an `error` and no result.
    """

    name: str
    result: Record | None
    parameters: Mapping[str, object] = field(default_factory=dict)
    data_digest: str | None = None
    digest: str | None = None
    seconds: float = 0.0
    reused: bool = False
    files: tuple[Path, ...] = ()
    error: str | None = None


class RunTracker:
    """The MLflow run of one pipeline run.

    `experiment` is the recipe's name, so that the nights of one recipe stand in one table.
    """

    def __init__(self, home: Path, experiment: str) -> None:
        """Remembers where to write; opens nothing."""
        self.store: Final = MlflowStore.of_home(home)
        self.experiment: Final = experiment
        self._experiment_id = ""
        self._run_id = ""
        self._owner: dict[str, str] = {}
        self._system_metrics = SystemMetrics()

    @property
    def client(self) -> "MlflowClient":
        """The client of both stores, opened on first use. Raises UserError when the store cannot be used."""
        return self.store.open()

    @property
    def run_id(self) -> str:
        """The parent run. Raises RuntimeError before `start`."""
        if not self._run_id:
            raise RuntimeError("the run was not started")
        return self._run_id

    @property
    def experiment_id(self) -> str:
        """The experiment of the parent run. Raises RuntimeError before `start`."""
        if not self._experiment_id:
            raise RuntimeError("the run was not started")
        return self._experiment_id

    def start(
        self, run_name: str, parameters: Mapping[str, object], tags: Mapping[str, str], *, files: Iterable[Path] = ()
    ) -> str:
        """Start the parent run and return its id; first mark what killed processes of this home left RUNNING.

        `parameters` is the whole recipe, nested or flat; `files` (the recipe as it was read) are kept with the run. From
        here to the run's end the machine's load is sampled where MLflow's settings say so (`registry.system_metrics`).
        """
        client = self.client
        close_killed_runs(client, self.store.home)
        self._owner = owner_tags(self.store.home)
        self._experiment_id = self._experiment()
        run = client.create_run(self._experiment_id, run_name=run_name, tags={**_clipped(tags), **self._owner})
        self._run_id = str(run.info.run_id)
        self._log(self._run_id, metrics={}, parameters=parameters_of(parameters))
        self.log_files(files)
        self._system_metrics.start(self._run_id, self.store.tracking_uri)
        return self._run_id

    def log_step(self, step: StepLog) -> str:
        """Log a finished or failed step as a child run and return its id."""
        now = _now_ms()
        tags = {
            "mlflow.parentRunId": self.run_id,
            "miaotui.step": step.name,
            "miaotui.reused": str(step.reused).lower(),
            "miaotui.artifact_digest": step.digest,
            "miaotui.data_digest": step.data_digest,
            "miaotui.error": step.error,
        }
        run = self.client.create_run(
            self.experiment_id,
            run_name=step.name,
            start_time=now if step.reused else now - round(1000 * step.seconds),
            tags=_clipped({key: value for key, value in tags.items() if value is not None}) | self._owner,
        )
        run_id = str(run.info.run_id)
        metrics = {"duration_s": step.seconds} | (metrics_of(step.result) if step.result else {})
        self._log(run_id, metrics=metrics, parameters=parameters_of(step.parameters))
        if step.result is not None:
            self.client.log_text(run_id, step.result.model_dump_json(indent=2), "result.json")
        self._log_files(run_id, step.files, None)
        self.client.set_terminated(run_id, "FAILED" if step.error else "FINISHED", end_time=now)
        return run_id

    def log_snapshot(self, snapshot: SnapshotResult) -> None:
        """Attach the data to the parent run: the snapshot and its sources, with their digests, as dataset inputs."""
        self.client.log_inputs(self.run_id, dataset_inputs(self.experiment, snapshot))
        self.client.set_tag(self.run_id, "miaotui.data_digest", snapshot.content_digest)

    def log_verdict(self, verdict: Verdict) -> None:
        """Attach the verdict to the parent run: its checks' numbers as metrics, the outcome as tag, all as JSON."""
        metrics: dict[str, float] = {}
        for check in verdict.checks:
            name = "/".join(safe_key(part) for part in check.name.split("/"))
            numbers = {"measured": check.measured, "bound": check.bound, "threshold": check.threshold}
            metrics |= {f"gates/{name}/{key}": value for key, value in numbers.items() if value is not None}
        self._log(self.run_id, metrics=metrics, parameters={})
        self.client.log_text(self.run_id, verdict.model_dump_json(indent=2), "verdict.json")
        self.client.set_tag(self.run_id, "miaotui.verdict", verdict.outcome.value)

    def log_metrics(self, metrics: Mapping[str, float], *, model_id: str | None = None) -> None:
        """Numbers of the parent run; with `model_id` also of that logged model. NaN and infinity are left out."""
        self._log(self.run_id, metrics=metrics, parameters={}, model_id=model_id)

    def log_files(self, files: Iterable[Path], folder: str | None = None) -> None:
        """Keep files or folders with the parent run, under `folder` if given."""
        self._log_files(self.run_id, files, folder)

    def log_text(self, text: str, name: str) -> None:
        """Keep a text with the parent run as the file `name`."""
        self.client.log_text(self.run_id, text, name)

    def finish(self, outcome: Outcome) -> None:
        """End the parent run. A run that came to a verdict is FINISHED, whichever verdict that is."""
        self.client.set_tag(self.run_id, "miaotui.verdict", outcome.value)
        self.conclude()

    def conclude(self) -> None:
        """End the parent run as FINISHED."""
        self._system_metrics.stop()
        self.client.set_terminated(self.run_id, "FINISHED")

    def abandon(self, reason: str, *, status: Literal["FAILED", "KILLED"] = "FAILED") -> None:
        """End the parent run without a verdict: FAILED by an error, KILLED by a person. Does nothing before `start`."""
        if not self._run_id:
            return
        self._system_metrics.stop()
        self.client.set_tag(self.run_id, "miaotui.error", reason[:_MAX_TAG])
        self.client.set_terminated(self.run_id, status)

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        client, location = self.client, self.store.artifact_location
        found = client.get_experiment_by_name(self.experiment)
        if found is None:
            try:
                return str(client.create_experiment(self.experiment, artifact_location=location))
            except MlflowException:  # another process may have been first
                found = client.get_experiment_by_name(self.experiment)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            way_out = f"run: mlflow experiments restore --experiment-id {found.experiment_id}"
            raise UserError(f"the MLflow experiment {self.experiment!r} was deleted; {way_out}, or rename the recipe")
        if location is not None and found.artifact_location.startswith("mlflow-artifacts:"):
            raise UserError(
                f"the files of the MLflow experiment {self.experiment!r} are kept by a server; set MLFLOW_TRACKING_URI to "
                "its http address, or rename the recipe"
            )
        return str(found.experiment_id)

    def _log(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, float],
        parameters: Mapping[str, str],
        model_id: str | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        now = _now_ms()
        entries = [
            Metric(key, float(value), now, 0, model_id=model_id, run_id=run_id)
            for key, value in metrics.items()
            if math.isfinite(value)
        ]
        settings = [Param(key, value) for key, value in parameters.items()]
        for metric_batch in _batches(entries, _METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=metric_batch)
        for parameter_batch in _batches(settings, _PARAMETERS_PER_BATCH):
            self.client.log_batch(run_id, params=parameter_batch)

    def _log_files(self, run_id: str, files: Iterable[Path], folder: str | None) -> None:
        for path in files:
            if path.is_dir():
                self.client.log_artifacts(run_id, str(path), "/".join(filter(None, (folder, path.name))))
            else:
                self.client.log_artifact(run_id, str(path), folder)


def _batches(entries: list[T], size: int) -> Iterator[list[T]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))


def _clipped(tags: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value)[:_MAX_TAG] for key, value in tags.items()}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
