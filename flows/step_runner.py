"""Runs steps as Prefect tasks over the step cache, tells the observer, and keeps what was done for report and tracking.

Prefect sees each step as a task of its name with its state and times; caching, retries of content and resuming stay
with the step cache, so that a step behaves the same with a server, without one, and in a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from flows.progress import RunObserver
from flows.step_cache import StepCache, StepRun
from flows.step_key import R, Step
from tasks.artifact import Artifact
from tasks.errors import UserError

T = TypeVar("T")
Call = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class FinishedStep(Generic[R]):
    """A step that has its result. `parameters`: its configuration; `files`: what is worth keeping with the run."""

    label: str
    run: StepRun[R]
    parameters: Mapping[str, object]
    files: tuple[Path, ...]


class StepRunner:
    """Runs the steps of one pipeline run, in the order in which they are asked for."""

    def __init__(
        self,
        cache: StepCache,
        observer: RunObserver,
        *,
        on_finished: Callable[[FinishedStep[Any]], None] = lambda _step: None,
        call: Call | None = None,
    ) -> None:
        """`on_finished` is called after every step; `call` runs one by its name, as a Prefect task if it is not given."""
        self._cache = cache
        self._observer = observer
        self._on_finished = on_finished
        self._call = call or as_task
        self.finished: list[FinishedStep[Any]] = []

    @property
    def all_reused(self) -> bool:
        """Whether every step so far was found in the store."""
        return all(step.run.reused for step in self.finished)

    def note(self, message: str) -> None:
        """Tell whoever watches."""
        self._observer.noted(message)

    def key(self, step: Step[R], inputs: Mapping[str, object]) -> str:
        """The key of a step's result, for what has to be known before it runs."""
        return self._cache.key(step, inputs)

    def forget(self, label: str) -> None:
        """Drops the stored result of a finished step: the next run that asks for it computes it again."""
        for step in self.finished:
            if step.label == label:
                self._cache.forget(step.run)

    def run(
        self,
        step: Step[R],
        inputs: Mapping[str, object],
        *,
        label: str | None = None,
        files: tuple[str, ...] = (),
    ) -> Artifact[R]:
        """The step's artifact for `inputs`, its keyword arguments. `files`: which of its files to keep with the run."""
        name = label or step.name

        def computed_or_reused() -> StepRun[R]:
            return self._cache.run(
                step, inputs, lambda message, fraction=None: self._observer.progressed(name, message, fraction)
            )

        self._observer.started(name)
        run: StepRun[R] = self._call(name, computed_or_reused)
        kept = tuple(path for path in (run.artifact.folder / file for file in files) if path.exists())
        finished = FinishedStep(name, run, _parameters(inputs), kept)
        self.finished.append(finished)
        self._observer.finished(name, reused=run.reused, seconds=run.seconds)
        self._on_finished(finished)
        return run.artifact


def as_task(name: str, function: Callable[[], T], *, retries: int = 0) -> T:
    """Calls `function` as a Prefect task called `name`. Prefect neither caches nor stores what it returns."""
    as_named = task(
        name=name,
        retries=retries,
        retry_delay_seconds=2,
        # What a person has to mend does not mend itself.
        retry_condition_fn=lambda _task, _run, state: UserError.__name__ not in (state.message or ""),
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return as_named(function)()


def _parameters(inputs: Mapping[str, object]) -> dict[str, object]:
    """The inputs that are configuration: models and plain values, not artifacts."""
    parameters: dict[str, object] = {}
    for name, value in inputs.items():
        if isinstance(value, BaseModel):
            parameters[name] = value.model_dump(mode="json")
        elif value is None or isinstance(value, (bool, int, float, str)):
            parameters[name] = value
    return parameters
