"""One step as it is given to a worker: all that computing it needs, and who listens to its progress.

An order is a plain object, so that task runners hand it on as it is instead of looking for futures in the artifacts.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.progress import RunObserver, SilentObserver
from flows.steps.cache import StepCache
from flows.steps.key import key_of
from tasks.step import Step


class Listener:
    """Hears how far a step is, and tells it to stop. It stays in the process of the run: elsewhere nobody listens."""

    def __init__(self, observer: RunObserver, label: str) -> None:
        """`observer` is told under the step's `label`."""
        self._observer = observer
        self._label = label
        self.stopped = threading.Event()

    def __call__(self, message: str, fraction: float | None = None) -> None:
        """How far the step is; `fraction` is in [0, 1] or None."""
        self._observer.progressed(self._label, message, fraction)

    def __reduce__(self) -> tuple[Any, ...]:
        return _nobody, ()


def _nobody() -> Listener:
    return Listener(SilentObserver(), "")


class StepOrder:
    """A step to be carried out by a worker, on this machine or another one that shares the home.

    `key`: the result's, as the run knows it; `token`: a file in the home that the worker has to see; `threads`: how many
    the step may use, None where the worker's machine decides; `only_waits`: the work is done elsewhere, so that no
    process of its own is needed.
    """

    def __init__(
        self,
        label: str,
        cache: StepCache,
        step: Step[Any],
        inputs: Mapping[str, object],
        *,
        token: Path,
        listener: Listener,
        threads: int | None = None,
        only_waits: bool = False,
    ) -> None:
        """Computes the key."""
        self.label = label
        self.cache = cache
        self.step = step
        self.inputs = dict(inputs)
        self.parts = cache.parts(step, inputs)
        self.key = key_of(self.parts)
        self.token = token
        self.listener = listener
        self.threads = threads
        self.only_waits = only_waits


@dataclass(frozen=True)
class Receipt:
    """That a worker sealed a step's result in the home's store, as this entry. `worker`: its machine and process."""

    entry: str
    reused: bool
    seconds: float
    worker: str = ""
