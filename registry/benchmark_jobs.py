"""Benchmark jobs in MLflow: what a worker of another machine is to measure, and the evidence that it brings back.

A job is one run. The pipeline puts the job's folder among its artifacts, the worker its evidence; neither sees the
other's disks. MLflow keeps no checksums, so both sides compare every file with a digest that went another way.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from registry.owners import owner_tags
from registry.store import MlflowStore
from tasks.artifact import Record
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT: Final = "miaotui-benchmark-jobs"
JOB_FOLDER: Final = "job"

_JOB: Final = "miaotui.benchmark_job"
_PUBLISHED: Final = "miaotui.published"
_EVIDENCE: Final = "miaotui.evidence"
_BEAT: Final = "miaotui.beat"
_RUN_URI: Final = re.compile(rf"runs:/(\w+)/{JOB_FOLDER}")
_LONGEST: Final = 500


class Beat(Record):
    """A sign of life: how far the measuring is. Another `count` each time."""

    count: int
    message: str
    fraction: float | None = None


@dataclass(frozen=True)
class PublishedJob:
    """A job that workers can fetch: the digest of its document, and its run."""

    digest: str
    run_id: str

    @property
    def uri(self) -> str:
        """Where its folder is, relative to the tracking server: both sides may know that by different addresses."""
        return f"runs:/{self.run_id}/{JOB_FOLDER}"

    @classmethod
    def at(cls, uri: str, digest: str) -> "PublishedJob":
        """The job that a worker is told about. Raises UserError for a URI of another form."""
        found = _RUN_URI.fullmatch(uri)
        if found is None:
            raise UserError(f"must be of the form runs:/RUN/{JOB_FOLDER}, not {uri!r}", field="job")
        return cls(digest, found[1])


class BenchmarkJobs:
    """The jobs of one MLflow server, for both sides. Methods raise UserError where the server cannot be used."""

    def __init__(self, store: MlflowStore) -> None:
        """Opens nothing yet."""
        self._store = store

    @property
    def _client(self) -> "MlflowClient":
        return self._store.open()

    def publish(self, folder: Path, digest: str, *, target: str, bundle_digest: str) -> PublishedJob:
        """Puts the job's folder into a run of its own; finds the run where that was done before.

        Raises UserError for a server whose files lie in a folder of its own machine.
        """
        known = self._known(digest)
        if known is not None:
            return known
        tags = {_JOB: digest, "miaotui.target": target, "miaotui.bundle_digest": bundle_digest}
        run = self._client.create_run(
            self._experiment(), run_name=f"benchmark {target}", tags=tags | owner_tags(self._store.home)
        )
        if not run.info.artifact_uri.partition(":")[0] or run.info.artifact_uri.startswith(("file:", "/")):
            self.finish(run.info.run_id, "FAILED")
            raise UserError(
                f"the MLflow server keeps its files in a folder ({run.info.artifact_uri}), which no worker elsewhere can "
                "read; start it with --artifacts-destination, or with an object store as --default-artifact-root"
            )
        self._client.log_artifacts(run.info.run_id, str(folder), JOB_FOLDER)
        self._client.set_tag(run.info.run_id, _PUBLISHED, "true")
        return PublishedJob(digest, str(run.info.run_id))

    def fetch(self, uri: str, folder: Path) -> Path:
        """A file or folder of a job, copied into `folder`, which is there. Raises UserError where it cannot be had."""
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        self._store.open()
        try:
            found = download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=self._store.tracking_uri)
        except (MlflowException, OSError) as error:
            reason = str(error).strip().splitlines()
            raise UserError(f"cannot be fetched ({reason[0] if reason else type(error).__name__})", file=uri) from error
        return Path(found)

    def beat(self, run_id: str, beat: Beat) -> None:
        """Tells whoever waits that the measuring goes on. Raises MlflowException where the server does not answer."""
        clipped = beat.model_copy(update={"message": beat.message[:_LONGEST]})
        self._client.set_tag(run_id, _BEAT, clipped.model_dump_json())

    def last_beat(self, run_id: str) -> Beat | None:
        """The last sign of life; None before the first. Raises MlflowException where the server does not answer."""
        told = self._tags(run_id).get(_BEAT)
        return Beat.model_validate_json(told) if told else None

    def hand_in(self, run_id: str, flow_run: str, folder: Path, digest: str) -> None:
        """Puts the evidence that one flow run measured into the job's run; it counts once its digest is there, too."""
        self._client.log_artifacts(run_id, str(folder), f"evidence/{flow_run}")
        self._client.set_tag(run_id, f"{_EVIDENCE}.{flow_run}", digest)

    def collect(self, run_id: str, flow_run: str, folder: Path) -> tuple[Path, str]:
        """The evidence of a flow run, copied into `folder`, and its digest. Raises UserError where there is none."""
        digest = self._tags(run_id).get(f"{_EVIDENCE}.{flow_run}")
        if digest is None:
            raise UserError(
                f"the run {flow_run} of the pool ended and left no evidence in the MLflow run {run_id}; do pipeline and "
                "worker name the same server in MLFLOW_TRACKING_URI?"
            )
        return self.fetch(f"runs:/{run_id}/evidence/{flow_run}", folder), digest

    def finish(self, run_id: str, status: Literal["FINISHED", "FAILED"]) -> None:
        """Ends the job's run."""
        self._client.set_terminated(run_id, status)

    def _tags(self, run_id: str) -> dict[str, str]:
        return {str(key): str(value) for key, value in self._client.get_run(run_id).data.tags.items()}

    def _known(self, digest: str) -> PublishedJob | None:
        condition = f"tags.`{_JOB}` = '{digest}' and tags.`{_PUBLISHED}` = 'true'"
        found = self._client.search_runs([self._experiment()], condition, max_results=1)
        return PublishedJob(digest, str(found[0].info.run_id)) if found else None

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            try:
                return str(self._client.create_experiment(EXPERIMENT, self._store.artifact_location))
            except MlflowException:  # another process may have been first
                found = self._client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            way_out = f"run: mlflow experiments restore --experiment-id {found.experiment_id}"
            raise UserError(f"the MLflow experiment {EXPERIMENT!r} was deleted; {way_out}")
        return str(found.experiment_id)
