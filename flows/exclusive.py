"""One pipeline at a time works in a home: a second one waits, so that neither disturbs what the other measures.

The kernel frees the lock when its holder dies, however it dies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flows.home import Home
from flows.progress import RunObserver
from tasks.machine.waiting import locked

_LONGEST_S: Final = 24 * 3600.0  # trainings take hours; what holds the lock for a day is stuck


@contextmanager
def one_pipeline_at_a_time(home: Home, observer: RunObserver) -> Iterator[bool]:
    """Waits until no other pipeline runs in this home, and keeps others waiting within it; gives whether it had to wait.

    Raises UserError where the other one has not come to an end within a day.
    """
    home.locks.mkdir(parents=True, exist_ok=True)
    what = "another run in this home to end"
    with locked(home.locks / "pipeline.lock", what, longest_s=_LONGEST_S, tell=observer.noted) as waited:
        yield waited
