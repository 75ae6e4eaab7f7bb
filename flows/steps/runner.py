"""Runs steps as Prefect tasks over the step cache, tells the observer, and keeps what was done for report and tracking.

Prefect sees each step as a task of its name with its state and times; caching, retries of content and resuming stay
with the step cache, so that a step behaves the same with a server, without one, and in a test.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from flows.progress import RunObserver
from flows.steps.cache import StepCache, StepRun
from flows.steps.order import Listener, Receipt, StepOrder
from flows.steps.scale_out import ScaleOut, wait_for_all
from tasks.artifact import Artifact
from tasks.errors import UserError
from tasks.step import R, Step, StepCall

T = TypeVar("T")
Call = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class FinishedStep(Generic[R]):
    """A step that has its result. `parameters`: its configuration; `files`: what is worth keeping with the run.

    `worker`: the machine and process that it was given to; empty for the run's own.
    """

    label: str
    run: StepRun[R]
    parameters: Mapping[str, object]
    files: tuple[Path, ...]
    worker: str = ""


class StepRunner:
    """Runs the steps of one pipeline run, in the order in which they are asked for."""

    def __init__(
        self,
        cache: StepCache,
        observer: RunObserver,
        *,
        on_finished: Callable[[FinishedStep[Any]], None] = lambda _step: None,
        call: Call | None = None,
        scale_out: ScaleOut | None = None,
    ) -> None:
        """`on_finished` is called after every step; `call` runs one by its name, as a Prefect task if it is not given.

        `scale_out` spreads independent steps over workers; without it they run one after the other.
        """
        self._cache = cache
        self._observer = observer
        self._on_finished = on_finished
        self._call = call or as_task
        self._scale_out = scale_out
        self._spread_out = False
        self._remarks: dict[str, None] = {}
        self.finished: list[FinishedStep[Any]] = []

    @property
    def all_reused(self) -> bool:
        """Whether every step so far was found in the store."""
        return all(step.run.reused for step in self.finished)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What there is to know about the results so far, in order, each once."""
        return tuple(self._remarks)

    def note(self, message: str) -> None:
        """Tell whoever watches."""
        self._observer.noted(message)

    def remark(self, message: str) -> None:
        """Tell whoever watches, once, and put it on the record of the run."""
        if message not in self._remarks:
            self._remarks[message] = None
            self.note(message)

    def key(self, step: Step[R], inputs: Mapping[str, object]) -> str:
        """The key of a step's result, for what has to be known before it runs."""
        return self._cache.key(step, inputs)

    def measure_again(self, label: str) -> None:
        """Lets the next run that asks for a finished step compute it again; what is stored of it stays."""
        for step in self.finished:
            if step.label == label:
                self._cache.set_aside(step.run)

    @property
    def provisional(self) -> tuple[str, ...]:
        """What of the results so far is measured again by the next run, and why."""
        return tuple(f"{step.label}: {reason}" for step in self.finished for reason in step.run.provisional)

    def run(
        self,
        step: Step[R],
        inputs: Mapping[str, object],
        *,
        label: str | None = None,
        files: tuple[str, ...] = (),
    ) -> Artifact[R]:
        """The step's artifact for `inputs`, its keyword arguments. `files`: which of its files to keep with the run."""
        finished = self._run_here(StepCall(step, inputs, label or "", files))
        self._keep(finished)
        return finished.run.artifact

    def run_all(self, calls: Sequence[StepCall[R]]) -> list[Artifact[R]]:
        """The artifacts of independent steps, in the order of `calls`.

        They run on the workers at the same time, those `elsewhere` wait together after them, and those that measure on
        this machine come last, one by one with nothing beside them. Where some fail, those that had begun end first, what
        they found is kept, and the first of the failures is raised.
        """
        done: dict[int, FinishedStep[R]] = {}
        waiting = [index for index, call in enumerate(calls) if call.elsewhere and not self._is_stored(call)]
        spread = self._to_spread(calls)
        try:
            if self._scale_out is not None:
                self._spread(calls, spread, done, self._scale_out.carry_out)
            self._spread(calls, waiting, done, wait_for_all)
            for index in sorted(set(range(len(calls))) - {*spread, *waiting}):
                done[index] = self._run_here(calls[index])
        finally:
            for index in sorted(done):
                self._keep(done[index])
        return [done[index].run.artifact for index in range(len(calls))]

    def _to_spread(self, calls: Sequence[StepCall[R]]) -> list[int]:
        """Which of the calls go to workers."""
        able = [index for index, call in enumerate(calls) if not (call.elsewhere or call.step.measures)]
        if self._scale_out is None or not self._scale_out.spreads(len(able)):
            return []
        missing = [index for index in able if not self._is_stored(calls[index])]
        return missing if self._scale_out.spreads(len(missing)) else []

    def _is_stored(self, call: StepCall[R]) -> bool:
        return self._cache.reusable(call.step, self._cache.key(call.step, call.inputs))

    def _run_here(self, call: StepCall[R]) -> FinishedStep[R]:
        if call.step.measures and self._spread_out:
            raise RuntimeError(f"{call.name} measures on this machine, and other steps are running")

        def computed_or_reused() -> StepRun[R]:
            return self._cache.run(call.step, call.inputs, Listener(self._observer, call.name))

        self._observer.started(call.name)
        return self._finished(call, self._call(call.name, computed_or_reused))

    def _spread(
        self,
        calls: Sequence[StepCall[R]],
        chosen: Sequence[int],
        done: dict[int, FinishedStep[R]],
        carry_out: Callable[[Sequence[StepOrder], Callable[[int, Receipt], None]], None],
    ) -> None:
        if not chosen:
            return

        def finished(number: int, receipt: Receipt) -> None:
            index = chosen[number]
            done[index] = self._finished(calls[index], self._received(calls[index], receipt), receipt.worker)

        with self._token() as token:
            orders = [self._order(calls[index], token) for index in chosen]
            for order in orders:
                self._observer.started(order.label)
            self._spread_out = True
            try:
                carry_out(orders, finished)
            finally:
                self._spread_out = False

    def _order(self, call: StepCall[R], token: Path) -> StepOrder:
        return StepOrder(
            call.name,
            self._cache,
            call.step,
            call.inputs,
            token=token,
            listener=Listener(self._observer, call.name),
            threads=self._scale_out.threads if self._scale_out else None,
            only_waits=call.elsewhere,
        )

    def _received(self, call: StepCall[R], receipt: Receipt) -> StepRun[R]:
        stored = self._cache.stored(call.step, receipt.entry)
        if stored is None:
            raise UserError(
                f"the worker {receipt.worker} computed {call.name}, but its result is not whole in the store here; "
                "is the home on storage that the workers share?",
                file=self._cache.home.folder,
            )
        return replace(stored, reused=receipt.reused)

    def _finished(self, call: StepCall[R], run: StepRun[R], worker: str = "") -> FinishedStep[R]:
        kept = tuple(path for path in (run.artifact.folder / file for file in call.files) if path.exists())
        parameters = _parameters(call.inputs) | ({"worker": worker} if worker else {})
        self._observer.finished(call.name, reused=run.reused, seconds=run.seconds)
        return FinishedStep(call.name, run, parameters, kept, worker)

    def _keep(self, finished: FinishedStep[Any]) -> None:
        self.finished.append(finished)
        for remark in finished.run.remarks:
            self.remark(remark)
        for reason in finished.run.provisional:
            self.remark(f"{finished.label} is measured again by the next run: {reason}")
        self._on_finished(finished)

    @contextmanager
    def _token(self) -> Iterator[Path]:
        """A file in the home by which a worker sees that it is the same home."""
        token = self._cache.home.locks / f"workers-{uuid.uuid4().hex}"
        token.parent.mkdir(parents=True, exist_ok=True)
        token.touch()
        try:
            yield token
        finally:
            token.unlink(missing_ok=True)


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
