"""What a step of the pipeline is, and what a task family's plan sees of whoever runs it.

Plain data: a plan says which steps there are and what each is given; running, caching and watching them are others' business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from tasks.artifact import Artifact, Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Step(Generic[R]):
    """A step of the pipeline.

    `function` is `package.module:name`, imported only when the step has to run. `result` is the record it returns.
    `measures`: it times something, so its result holds on this machine only; `measures_elsewhere`: another machine does.
    """

    name: str
    function: str
    result: type[R]
    measures: bool = False
    measures_elsewhere: bool = False

    @property
    def timed(self) -> bool:
        """Whether its result has times in it, wherever they were measured."""
        return self.measures or self.measures_elsewhere

    @property
    def module(self) -> str:
        """The module that holds the function."""
        return self.function.partition(":")[0]


@runtime_checkable
class HasCacheKey(Protocol):
    """An input that says itself what identifies its content."""

    def cache_key(self) -> object:
        """A value that is equal exactly where the content is equal."""
        ...


@dataclass(frozen=True)
class Keyed:
    """An input whose content is told apart by `key`, where its value (a path, say) does not tell."""

    value: object
    key: object


@dataclass(frozen=True)
class StepCall(Generic[R]):
    """A step to be run with `inputs`, its keyword arguments. `files`: which of its files to keep with the run.

    `elsewhere`: the step only waits for another machine that does the work (a benchmark in a work pool).
    """

    step: Step[R]
    inputs: Mapping[str, object]
    label: str = ""
    files: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def name(self) -> str:
        """What the step is called in this run."""
        return self.label or self.step.name


class Steps(Protocol):
    """Runs the steps of one pipeline run, in the order in which they are asked for."""

    def run(
        self,
        step: Step[R],
        inputs: Mapping[str, object],
        *,
        label: str | None = None,
        files: tuple[str, ...] = (),
    ) -> Artifact[R]:
        """The step's artifact for `inputs`, its keyword arguments. `files`: which of its files to keep with the run."""
        ...

    def run_all(self, calls: Sequence[StepCall[R]]) -> list[Artifact[R]]:
        """The artifacts of independent steps, in the order of `calls`; they may run beside one another."""
        ...

    def note(self, message: str) -> None:
        """Tell whoever watches."""
        ...

    def remark(self, message: str) -> None:
        """Tell whoever watches, once, and put it on the record of the run."""
        ...


def plain_value(value: object) -> object:
    """What the step's function receives for an input."""
    return value.value if isinstance(value, Keyed) else value


def labelled(step: Step[Any], what: str) -> str:
    """The label of one of several runs of a step."""
    return f"{step.name} {what}"
