"""Shows a run's steps as they go: a live line on a terminal, one plain line per step elsewhere."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from flows.command_line.console import duration
from flows.progress import RunObserver
from tasks.machine.waiting import FIRST_S, telling

_PLAIN_INTERVAL_S: Final = 15.0
_REDRAWS_PER_S: Final = 3


@contextmanager
def watching(console: Console) -> Iterator[RunObserver]:
    """An observer that writes to `console` for as long as the run lasts."""
    if not console.is_terminal:
        lines = PlainLines(console)
        with closing(lines), telling(lines.noted):
            yield lines
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[count]} {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[message]}"),
        TimeElapsedColumn(),
    )
    # Drawing takes time from what is measured on a machine of few cores.
    with Progress(*columns, console=console, transient=True, refresh_per_second=_REDRAWS_PER_S) as progress:
        live = LiveLine(progress)
        with telling(live.noted):
            yield live


class _Counted:
    """How many steps there are and which one this is."""

    def __init__(self) -> None:
        self._labels: list[str] = []

    def planned(self, labels: Sequence[str]) -> None:
        """All steps of the run, before the first begins."""
        self._labels = list(labels)

    def count(self, label: str) -> str:
        """`[ 3/12]`; nothing for a step that was not planned."""
        if label not in self._labels:
            return ""
        total = len(self._labels)
        return f"[{self._labels.index(label) + 1:{len(str(total))}d}/{total}]"


class PlainLines(_Counted):
    """For logs and pipes: a line when a step is done, and one every now and then while a long one goes on.

    A step that has said nothing for five seconds is named once, so that it is known what is waited for.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._last = time.monotonic()
        self._silence: threading.Timer | None = None

    def started(self, label: str) -> None:
        """Nothing yet: most steps of a second run are found in the store at once."""
        self._last = time.monotonic()
        self.close()
        # A single shot, and no clock that ticks beside what is measured.
        self._silence = threading.Timer(FIRST_S, self._print, (f"{self.count(label)} {label}: at work".strip(),))
        self._silence.daemon = True
        self._silence.start()

    def close(self) -> None:
        """What has begun is not named any more."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """A line, but not more often than every quarter of a minute."""
        if time.monotonic() - self._last >= _PLAIN_INTERVAL_S:
            self._last = time.monotonic()
            share = "" if fraction is None else f" ({fraction:.0%})"
            self._print(f"{self.count(label)} {label}: {message}{share}".strip())

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """One line per step."""
        self._print(f"{self.count(label)} {label}: {_done(reused, seconds)}".strip())

    def noted(self, message: str) -> None:
        """A line of its own."""
        self._print(message)

    def _print(self, line: str) -> None:
        self.close()
        self._console.print(line, soft_wrap=True)


class LiveLine(_Counted):
    """For terminals: finished steps stay as lines, the running ones move below them."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def started(self, label: str) -> None:
        """A moving line about this step. What is no step of the plan, the server's start, is over with the first one."""
        for other in [other for other in self._tasks if not self.count(other)]:
            self._progress.remove_task(self._tasks.pop(other))
        self._tasks[label] = self._progress.add_task(label, total=None, count=self.count(label), message="")

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        """Moves the bar, or lets it pulse where no fraction is known."""
        if label in self._tasks:
            total = None if fraction is None else 1.0
            self._progress.update(self._tasks[label], total=total, completed=fraction or 0.0, message=message)

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        """The step's line stays."""
        if label in self._tasks:
            self._progress.remove_task(self._tasks.pop(label))
        style = "dim" if reused else ""
        mark = "=" if reused else "✓"
        self._progress.console.print(f"{mark} {self.count(label)} {label}: {_done(reused, seconds)}", style=style)

    def noted(self, message: str) -> None:
        """A line that stays."""
        self._progress.console.print(message, soft_wrap=True)


def _done(reused: bool, seconds: float) -> str:
    return f"reused (took {duration(seconds)})" if reused else f"done in {duration(seconds)}"
