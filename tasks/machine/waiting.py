"""A program that waits says for what: after five seconds, and then every half minute for as long as it goes on.

Who hears it is set by whoever faces a person or keeps a log (`telling`); else it goes to stderr. Waits for locks have an end.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tasks.errors import UserError

Tell = Callable[[str], None]

FIRST_S: Final = 5.0
AGAIN_S: Final = 30.0


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


_tell: ContextVar[Tell] = ContextVar("tell")


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Within it, what is waited for is told to `tell`, which may be called from another thread."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


@contextmanager
def waiting_for(
    what: str,
    tell: Tell | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    ended: threading.Event | None = None,
) -> Iterator[None]:
    """Within it, a thread says `waiting for WHAT (N s)` when that is due. `clock` and `ended` are what tests replace."""
    hears = tell or _tell.get(_to_stderr)
    over = ended or threading.Event()
    begun = clock()

    def say() -> None:
        due = FIRST_S
        while not over.wait(max(0.0, begun + due - clock())):
            waited = clock() - begun
            if waited >= due:
                hears(f"waiting for {what} ({waited:.0f} s)")
                due += AGAIN_S * (1 + (waited - due) // AGAIN_S)

    thread = threading.Thread(target=say, daemon=True, name="waiting")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def locked(file: Path, what: str, *, longest_s: float, tell: Tell | None = None) -> Iterator[bool]:
    """Holds the lock of `file`, which the kernel frees when its holder dies; waits for `what` to let go of it.

    Gives whether it had to wait.

    Raises UserError where that has not happened after `longest_s` seconds.
    """
    lock, waited = FileLock(file), False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        with waiting_for(what, tell):
            try:
                lock.acquire(timeout=longest_s, poll_interval=0.1)
            except Timeout as error:
                raise UserError(f"{too_long(what, longest_s)}; end the process that holds it", file=file) from error
    try:
        yield waited
    finally:
        lock.release()


def too_long(what: str, waited_s: float) -> str:
    """The end of a wait, in words."""
    hours, minutes = waited_s / 3600, waited_s / 60
    span = f"{hours:g} hours" if hours >= 2 else f"{minutes:g} minutes" if minutes >= 2 else f"{waited_s:g} s"
    return f"waited {span} for {what}"
