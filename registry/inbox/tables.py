"""The inbox's tables, in SQLite or PostgreSQL, and how their rows become records."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Row

from registry.inbox.records import BatchEntry, FileState, LandedFile, Portion, Use

_METADATA: Final = MetaData()

FILES: Final = Table(
    "miaotui_inbox_files",
    _METADATA,
    Column("model", String(250), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("format", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", String(40), nullable=False),
    Column("state", String(16), nullable=False),  # received, landed or quarantined; the rest follows from the portions
    Column("rows", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("reason", Text),
    Column("announced_at", String(40)),
)

PORTIONS: Final = Table(
    "miaotui_inbox_portions",
    _METADATA,
    Column("model", String(250), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("label", String(250), primary_key=True),
    Column("slice", String(250), primary_key=True),  # empty where rows have none: a key cannot hold NULL
    Column("rows", Integer, nullable=False),
    Column("landed_at", String(40), nullable=False),
    Column("batch", String(250)),
)

BATCHES: Final = Table(
    "miaotui_inbox_batches",
    _METADATA,
    Column("model", String(250), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("claimed_at", String(40), nullable=False),
    Column("lease_until", String(40), nullable=False),
    Column("finished_at", String(40)),
    Column("outcome", String(16), nullable=False),
)

DECISIONS: Final = Table(
    "miaotui_inbox_decisions",
    _METADATA,
    Column("model", String(250), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("use", String(16), nullable=False),
    Column("decided_at", String(40), nullable=False),
)

TRIALS: Final = Table(
    "miaotui_inbox_trials",
    _METADATA,
    Column("model", String(250), primary_key=True),
    Column("batch", String(250), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("use", String(16), nullable=False),
    Column("began_at", String(40), nullable=False),
    Column("ended_at", String(40)),  # with it come the four below
    Column("verdict", String(16)),  # none where an error ended it
    Column("missing", Text),
    Column("sentence", Text),
    Column("evidence", String(64)),
)

RUNNING: Final = "running"
PROCESSED: Final = "processed"
RELEASED: Final = "released"


def make_tables(connection: Connection) -> None:
    """Make those that are not there; the caller sees to it that nobody else does at the same time."""
    _METADATA.create_all(connection)


def stamp(time: datetime) -> str:
    """A time as it is stored: UTC, ISO 8601, all of one length."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def moment(stored: str | None) -> datetime | None:
    """A stored time."""
    return None if stored is None else datetime.fromisoformat(stored)


def portion_values(model: str, portion: Portion) -> dict[str, Any]:
    """A new portion as a row."""
    return {
        "model": model,
        "sha256": portion.sha256,
        "label": portion.label,
        "slice": portion.slice or "",
        "rows": portion.rows,
        "landed_at": stamp(portion.landed_at),
        "batch": None,
    }


def portion_of(row: Row[Any]) -> Portion:
    """A row of PORTIONS with the `outcome` of its batch."""
    fields = row._asdict()
    processed = fields.pop("outcome") == PROCESSED
    del fields["model"]
    landed_at = datetime.fromisoformat(fields.pop("landed_at"))
    return Portion(**fields | {"slice": fields["slice"] or None}, landed_at=landed_at, processed=processed)


def entry_of(row: Row[Any]) -> BatchEntry:
    """A row of BATCHES with the `use` of its decision."""
    return BatchEntry(
        key=row.key,
        claimed_at=datetime.fromisoformat(row.claimed_at),
        running=row.outcome == RUNNING,
        processed=row.outcome == PROCESSED,
        use=Use(row.use) if row.use else None,
    )


def file_of(row: Row[Any], portions: Iterable[Portion]) -> LandedFile:
    """A row of FILES, its state told by its portions."""
    fields = row._asdict()
    state = FileState(fields["state"])
    if state is FileState.LANDED:
        state = _state(list(portions))
    times = {name: moment(fields[name]) for name in ("received_at", "announced_at")}
    return LandedFile(**fields | times | {"state": state})


def _state(portions: list[Portion]) -> FileState:
    if any(portion.batch is not None and not portion.processed for portion in portions):
        return FileState.CLAIMED
    if all(portion.processed for portion in portions):
        return FileState.PROCESSED
    return FileState.WAITING if any(portion.processed for portion in portions) else FileState.LANDED
