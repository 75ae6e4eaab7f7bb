"""What the supervisor has to know about one server, whatever it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """How a server is started, and how one knows that it works.

    `answers(since)` is asked again and again until it is true; `since` is when the process was started, in seconds since
    the epoch. A server with `after` is started once the ones named there have answered. `environment` may hold secrets.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path
    answers: Callable[[float], bool]
    url: str | None = None
    after: tuple[str, ...] = ()
