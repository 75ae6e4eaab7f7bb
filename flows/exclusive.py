"""One pipeline at a time works in a home: a second one waits, so that neither disturbs what the other measures.

The kernel frees the lock when its holder dies, however it dies.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from flows.home import Home
from flows.progress import RunObserver


@contextmanager
def one_pipeline_at_a_time(home: Home, observer: RunObserver) -> Iterator[None]:
    """Waits until no other pipeline runs in this home, and keeps others waiting within it."""
    home.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks / "pipeline.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        observer.noted("another run is at work in this home; waiting for it to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
