"""A chore that is done every so many seconds beside the main thread."""

from collections.abc import Callable
from threading import Event, Thread


class Periodic:
    """Calls `chore` from when the context is entered until it is left. All in seconds.

    An exception ends it, and is raised to whoever calls `check`: nothing stops unseen.
    """

    def __init__(self, chore: Callable[[], None], every_s: float) -> None:
        """Starts nothing yet."""
        self._chore = chore
        self._every_s = every_s
        self._end = Event()
        self._failure: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Periodic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raises what the chore has raised."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            try:
                self._chore()
            except Exception as error:  # noqa: BLE001 - raised again by `check`
                self._failure = error
                return
