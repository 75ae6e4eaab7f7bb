"""How far a run is, as a progress artifact on its page in Prefect.

Requests are made by the thread that tells of progress, between two pieces of work: in the background they would take time
from what a step is measuring just then. So a step is shown after a few seconds, and again every ten.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Final
from uuid import UUID

from flows.pages.artifact_writer import ArtifactWriter, artifact_key
from flows.progress import RunObserver, SeveralObservers

_NEW_STEP_S: Final = 3.0
_SAME_STEP_S: Final = 10.0


@contextmanager
def showing_progress(name: str, observer: RunObserver) -> Iterator[RunObserver]:
    """An observer for a run of the recipe `name` that tells `observer`, and the run's page where there is one."""
    writer = ArtifactWriter.of_run()
    if writer is None:
        yield observer
        return
    artifact = ProgressArtifact(name, writer)
    try:
        yield SeveralObservers(observer, artifact)
    except BaseException as error:
        artifact.ended(f"ended by {type(error).__name__}")
        raise
    artifact.ended("done", complete=True)


class ProgressArtifact:
    """Observes one run. A run that takes no longer than a few seconds gets no artifact. May be told by several threads."""

    def __init__(self, name: str, writer: ArtifactWriter, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._key = artifact_key("progress", name)
        self._writer = writer
        self._clock = clock
        self._lock = Lock()
        self._labels: list[str] = []
        self._done: set[str] = set()
        self._running: dict[str, float] = {}
        self._artifact: UUID | None = None
        self._shown_step = ""
        self._shown_at = clock()

    def planned(self, labels: Sequence[str]) -> None:
        """All steps count alike."""
        with self._lock:
            self._labels = list(labels)

    def started(self, label: str) -> None:
        """Shown unless something was shown just before."""
        with self._lock:
            self._running[label] = 0.0
            self._show(label, label)

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """Shown now and then."""
        with self._lock:
            if fraction is not None:
                self._running[label] = min(max(fraction, 0.0), 1.0)
            self._show(label, f"{label}: {message}")

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """Shown with the next step."""
        with self._lock:
            self._running.pop(label, None)
            self._done.add(label)

    def noted(self, message: str) -> None:
        """Nothing: notes stay in the log."""

    def ended(self, how: str, *, complete: bool = False) -> None:
        """The last word, where there was a first one. `complete`: the run came to its end."""
        with self._lock:
            if self._artifact is not None:
                self._writer.update(self._artifact, self._key, 100.0 if complete else self._percent, how)

    @property
    def _percent(self) -> float:
        """Of all steps, with the parts of the running ones."""
        done = len(self._done.intersection(self._labels))
        running = sum(fraction for label, fraction in self._running.items() if label in self._labels)
        return 100.0 * min(1.0, (done + running) / len(self._labels)) if self._labels else 0.0

    def _show(self, step: str, sentence: str) -> None:
        now = self._clock()
        if now - self._shown_at < (_SAME_STEP_S if step == self._shown_step else _NEW_STEP_S):
            return
        self._shown_at, self._shown_step = now, step
        if self._artifact is None:
            self._artifact = self._writer.create("progress", self._key, self._percent, sentence)
        else:
            self._writer.update(self._artifact, self._key, self._percent, sentence)
