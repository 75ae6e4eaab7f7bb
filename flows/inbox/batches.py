"""What landed is handed out: a retraining claims a batch by its idempotency key, and ends it processed or given back.

A batch is a set of portions; new labels and slices with too few rows stay behind. The files with the rows of portions are
made when somebody reads them.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox
from flows.inbox.rows import Columns, good_rows_file, write_rows_of
from registry.inbox import Batch, Known, Portion, Result, Wait
from tasks.errors import UserError
from tasks.recipe.intake import IntakeConfig


def claim_batch(
    home: Home,
    name: str,
    key: str,
    *,
    policy: IntakeConfig,
    known: Known | None = None,
    now: datetime | None = None,
    suffice: bool = False,
) -> Batch | Wait:
    """The rows that a run with this idempotency key works with, or why it does not; `known`: what the model knows.

    `suffice`: the rows are enough however few they are.
    """
    InboxFolders.of(home, name)
    at = now or datetime.now(UTC)
    with open_inbox(home) as inbox:
        return inbox.claim_batch(name, key, policy=policy, now=at, known=known or Known(), suffice=suffice)


def complete(
    home: Home, name: str, key: str, *, ok: bool, now: datetime | None = None, result: Result | None = None
) -> bool:
    """End a batch: processed, with what came of it, or given back; see `Inbox.complete`."""
    InboxFolders.of(home, name)
    with open_inbox(home) as inbox:
        return inbox.complete(name, key, ok=ok, now=now or datetime.now(UTC), result=result)


def row_files(
    folders: InboxFolders, columns: Columns, chosen: Iterable[Portion], portions: Sequence[Portion]
) -> tuple[Path, ...]:
    """The files with the rows of the chosen portions: those that landed, or a selection where not all is chosen.

    Raises UserError where the good rows of a file are gone.
    """
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
