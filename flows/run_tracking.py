"""Follows a run into MLflow step by step, from the first step that had to be computed.

A run in which everything is found in the store leaves no second run behind, and does not even import MLflow here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.preparation import PreparedRun
from flows.steps.runner import FinishedStep
from registry.checks import Verdict
from registry.flatten import metrics_of
from registry.tracking import RunTracker, StepLog
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from tasks.drift.step import DriftResult


class RunTracking:
    """The MLflow run of one pipeline run, started when there is something to say."""

    def __init__(self, tracker: RunTracker, prepared: PreparedRun) -> None:
        """Opens nothing yet."""
        self.tracker = tracker
        self._prepared = prepared
        self._waiting: list[FinishedStep[Any]] = []
        self._data_digest: str | None = None
        self.started = False

    def step_finished(self, step: FinishedStep[Any]) -> None:
        """Logs a step; one that was reused waits until there is a run to log it to."""
        self._waiting.append(step)
        if self.started or not step.run.reused:
            self.start()

    def start(self) -> None:
        """Starts the run if it was not started, and logs the steps that waited."""
        if not self.started:
            recipe = self._prepared.recipe
            self.tracker.start(
                f"{recipe.name} {time.strftime('%Y-%m-%d %H:%M:%S')}",
                recipe.model_dump(mode="json"),
                {"miaotui.version": project_version(), "miaotui.overrides": " ".join(self._prepared.loaded.overrides)},
                files=(self._prepared.loaded.file,),
            )
            self.started = True
        for step in self._waiting:
            self._log(step)
        self._waiting.clear()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Within it the run goes on; an error or a person's Ctrl-C ends it without a verdict."""
        try:
            yield
        except KeyboardInterrupt:
            self.tracker.abandon("interrupted", status="KILLED")
            raise
        except Exception as error:
            self.tracker.abandon(f"{type(error).__name__}: {error}")
            raise

    def finish(self, verdict: Verdict) -> None:
        """Ends a run that came to a verdict."""
        if self.started:
            self.tracker.finish(verdict.outcome)

    def _log(self, step: FinishedStep[Any]) -> None:
        artifact = step.run.artifact
        if isinstance(artifact.result, SnapshotResult):
            self._data_digest = artifact.result.content_digest
            self.tracker.log_snapshot(artifact.result)
        self.tracker.log_step(
            StepLog(
                name=step.label,
                result=artifact.result,
                parameters=step.parameters,
                data_digest=self._data_digest,
                digest=artifact.digest,
                seconds=step.run.seconds,
                reused=step.run.reused,
                files=step.files,
            )
        )


def log_drift(home: Path, prepared: PreparedRun, step: "FinishedStep[DriftResult]", champion: str) -> None:
    """A run of its own for what landed rows showed against the champion, and what was decided."""
    decision = step.run.artifact.result.decision
    tracker = RunTracker(home, prepared.recipe.name)
    tracker.start(
        f"{prepared.recipe.name} landed data {time.strftime('%Y-%m-%d %H:%M:%S')}",
        {"drift": prepared.recipe.drift.model_dump(mode="json")},
        {
            "miaotui.version": project_version(),
            "miaotui.kind": "landed data",
            "miaotui.decision": decision.outcome,
            "miaotui.decision_reasons": "; ".join(decision.reasons),
            "miaotui.compared_with": champion,
        },
    )
    tracker.log_metrics(metrics_of(step.run.artifact.result.report))
    tracker.log_text(step.run.artifact.result.model_dump_json(indent=2), "drift.json")
    tracker.log_files(step.files)
    tracker.conclude()


def project_version() -> str:
    """The version of this project as it is installed; `0+source` where it runs from its sources."""
    try:
        return metadata.version("miaotui")
    except metadata.PackageNotFoundError:
        return "0+source"
