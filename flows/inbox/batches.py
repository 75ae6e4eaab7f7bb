"""What landed is handed out: a retraining claims a batch by its idempotency key, and ends it processed or given back.

A batch is a list of row files that serve as further training data. New labels and slices with too few rows stay behind.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox
from flows.inbox.rows import Columns, good_rows_file, remembered_columns, write_rows_of
from registry.inbox import Known, Portion, Wait
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.recipe.intake import IntakeConfig


class ClaimedBatch(Record):
    """What to retrain with: `files` are new, `earlier` were processed by runs before; both are JSON lines.

    `lease_until`: the run has to complete, or to claim with its key again, by then (UTC).
    """

    key: str
    rows: int
    files: tuple[Path, ...]
    earlier: tuple[Path, ...]
    lease_until: datetime


def claim_batch(
    home: Home, name: str, key: str, *, policy: IntakeConfig, known: Known | None = None, now: datetime | None = None
) -> ClaimedBatch | Wait:
    """The rows that a run with this idempotency key retrains with, or why it does not; `known`: what the model knows.

    Raises UserError where the good rows of a file are gone.
    """
    folders = InboxFolders.of(home, name)
    with open_inbox(home) as inbox:
        claimed = inbox.claim_batch(name, key, policy=policy, now=now or datetime.now(UTC), known=known or Known())
        portions = inbox.portions(name)
    if isinstance(claimed, Wait):
        return claimed
    columns = remembered_columns(folders)
    earlier = [portion for portion in portions if portion.processed]
    return ClaimedBatch(
        key=key,
        rows=claimed.rows,
        files=row_files(folders, columns, claimed.portions, portions),
        earlier=row_files(folders, columns, earlier, portions),
        lease_until=claimed.lease_until,
    )


def complete(home: Home, name: str, key: str, *, ok: bool, now: datetime | None = None) -> bool:
    """End a batch: processed, or given back; see `Inbox.complete`."""
    InboxFolders.of(home, name)
    with open_inbox(home) as inbox:
        return inbox.complete(name, key, ok=ok, now=now or datetime.now(UTC))


def row_files(
    folders: InboxFolders, columns: Columns, chosen: Iterable[Portion], portions: Sequence[Portion]
) -> tuple[Path, ...]:
    """The files with the rows of the chosen portions: those that landed, or a selection where not all is chosen."""
    names: dict[str, set[tuple[str, str | None]]] = {}
    for portion in chosen:
        names.setdefault(portion.sha256, set()).add((portion.label, portion.slice))
    files = []
    for sha256, wanted in sorted(names.items()):
        whole = good_rows_file(folders, sha256)
        if not whole.is_file():
            raise UserError("the good rows of a landed file are gone; restore them from a backup", file=whole)
        all_names = {(portion.label, portion.slice) for portion in portions if portion.sha256 == sha256}
        files.append(whole if wanted == all_names else write_rows_of(folders, sha256, wanted, columns))
    return tuple(files)
