"""What the process that asks the probes is given, and what it says line by line, so that nothing is lost where it ends."""

from pathlib import Path

from tasks.artifact import Record
from tasks.records import ProbeOutcome


class ProbeJob(Record):
    """Which bundle to ask, and how the target's engine loads it."""

    bundle: Path
    threads: int
    execution_provider: str


class Line(Record):
    """One of: what is asked next (`asked`, of `tokens`), what came of it, and what the bundle is (`longest` and the rest).

    `user_error`: why there is nothing to ask.
    """

    asked: str | None = None
    tokens: int = 0
    outcome: ProbeOutcome | None = None
    golden_rows: int | None = None
    longest: int = 0
    admissible: int = 0
    user_error: str | None = None
