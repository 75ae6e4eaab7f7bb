"""What a run tells whoever watches it: which step it is in, how far that is, and what was reused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class RunObserver(Protocol):
    """Watches one run. Steps are called by their labels, in the order of the plan; some may be skipped."""

    def planned(self, labels: Sequence[str]) -> None:
        """All steps of the run, before the first begins."""
        ...

    def started(self, label: str) -> None:
        """A step begins, perhaps to find its result in the store."""
        ...

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """How far the step is; `fraction` is in [0, 1] or None."""
        ...

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """The step has its result. `seconds`: what computing it took, in this run or in the one that is reused."""
        ...

    def noted(self, message: str) -> None:
        """Something to be known before the run goes on."""
        ...


class SilentObserver:
    """Tells nobody: for runs that Prefect starts, which shows its own states."""

    def planned(self, labels: Sequence[str]) -> None:
        """Nothing."""

    def started(self, label: str) -> None:
        """Nothing."""

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """Nothing."""

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """Nothing."""

    def noted(self, message: str) -> None:
        """Nothing."""


class SeveralObservers:
    """Tells each of some observers."""

    def __init__(self, *observers: RunObserver) -> None:
        """They are told in this order."""
        self._observers = observers

    def planned(self, labels: Sequence[str]) -> None:
        """To each."""
        for observer in self._observers:
            observer.planned(labels)

    def started(self, label: str) -> None:
        """To each."""
        for observer in self._observers:
            observer.started(label)

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """To each."""
        for observer in self._observers:
            observer.progressed(label, message, fraction)

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """To each."""
        for observer in self._observers:
            observer.finished(label, reused=reused, seconds=seconds)

    def noted(self, message: str) -> None:
        """To each."""
        for observer in self._observers:
            observer.noted(message)


_observer: ContextVar[RunObserver] = ContextVar("observer")


@contextmanager
def observing(observer: RunObserver) -> Iterator[None]:
    """Within it, runs of this thread tell `observer`. A flow's parameters are JSON, so it cannot be one of them."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> RunObserver:
    """Who watches the run that is going on here."""
    return _observer.get(SilentObserver())
