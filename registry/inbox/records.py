"""What the inbox knows: landed files, their portions (the rows of one label and slice), and batches of portions."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from tasks.artifact import Record


class FileState(StrEnum):
    """How far a file has come.

    `received`: its bytes are stored, its rows are not judged yet. `landed`: its good rows can be claimed. `claimed`: a
    run works on some of them. `waiting`: some were processed, the others have labels or slices with too few rows yet.
    `processed`: all good rows were taken in. `quarantined`: it has no good row.
    """

    RECEIVED = "received"
    LANDED = "landed"
    CLAIMED = "claimed"
    WAITING = "waiting"
    PROCESSED = "processed"
    QUARANTINED = "quarantined"


class Use(StrEnum):
    """What a batch is good for, by the drift that it shows.

    `keep`: nothing has to be done now; the next retraining has its rows. `recalibrate`: its rows join those that the
    router is calibrated and judged by. `retrain`: its rows join the training, and with them all that landed before.
    """

    KEEP = "nothing"
    RECALIBRATE = "recalibrate"
    RETRAIN = "retrain"


USED: Final = frozenset({Use.RECALIBRATE, Use.RETRAIN})
"""What makes a run of the recipe."""


def strongest(*uses: Use) -> Use:
    """Retraining makes a new router as well, and recalibration is more than nothing."""
    return max(uses, key=list(Use).index)


class BatchEntry(Record):
    """One batch that is worked on or was: `use` is None until it is decided."""

    key: str
    claimed_at: datetime
    running: bool
    processed: bool
    use: Use | None


class Portion(Record):
    """The good rows of one file that have one label and one slice; what is claimed and processed as a whole.

    `batch`: the key of the run that holds it or has processed it.
    """

    sha256: str
    label: str
    slice: str | None = None
    rows: int
    landed_at: datetime
    batch: str | None = None
    processed: bool = False


class LandedFile(Record):
    """One file by its content. `name`: what it was called when it came first; `size` in bytes; times in UTC.

    `rows` counts the good rows, `quarantined` the others; `reason`: why none is good. `announced_at`: when the event
    of its landing was accepted by somebody, None before.
    """

    model: str
    sha256: str
    format: str
    name: str
    size: int
    received_at: datetime
    state: FileState
    rows: int
    quarantined: int
    reason: str | None = None
    announced_at: datetime | None = None


class Batch(Record):
    """What one run retrains with: it is the run's until `lease_until` (UTC), by its idempotency key."""

    model: str
    key: str
    lease_until: datetime
    portions: tuple[Portion, ...]

    @property
    def rows(self) -> int:
        """Good rows in it."""
        return sum(portion.rows for portion in self.portions)

    @property
    def files(self) -> tuple[str, ...]:
        """SHA-256 of its files, sorted."""
        return tuple(sorted({portion.sha256 for portion in self.portions}))
