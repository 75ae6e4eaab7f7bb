"""The seam for fault injection: everything that changes the registry announces itself before it does.

Nothing listens in production. The tests listen with a SIGKILL at every point in turn, and see that the next command
finishes or undoes what was cut off.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: list[Callable[[str], None]] = []


def write_point(name: str) -> None:
    """Say that the write `name` is about to happen."""
    for listener in _listeners:
        listener(name)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Within it, `listener` is told of every write point."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
