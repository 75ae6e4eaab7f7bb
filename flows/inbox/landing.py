"""New data comes in: files are landed or dropped, judged, announced, and claimed by a retraining, each exactly once.

Bytes first, then the record of them, then the rows, then the event: whatever is cut off between two of them is found
and finished by `sweep_inbox`, which every trigger may call as often as it likes, at the same time as others.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import Field

from flows.home import Home
from flows.inbox.files import InboxFolders, RefusedError, Stored, opened, printable
from flows.inbox.rows import (
    Columns,
    judge_file,
    remember_columns,
    remembered_columns,
)
from flows.inbox.sources import format_of_source, open_source
from flows.inbox.unfinished import seems_unfinished
from registry.inbox import FileState, Inbox, LandedFile, Portion
from registry.ledger import Ledger
from registry.write_points import write_point
from tasks.artifact import Record
from tasks.errors import UserError

SETTLE_S: Final = 5.0
"""A drop that changed within so many seconds may still be written."""
ABANDONED_S: Final = 3600.0
"""After so long nobody finishes a file: half-written drops are judged as they are, leftovers of killed runs removed."""

_MAX_NAME_CHARACTERS: Final = 250

Announce = Callable[[LandedFile], None]


class Landing(Record):
    """What became of one source. `state` is None where it was refused and nothing was stored.

    `rows` are good, `quarantined` are not; `known`: the same bytes had come before.
    """

    source: str
    sha256: str | None = None
    state: FileState | None = None
    rows: int = 0
    quarantined: int = 0
    reason: str | None = None
    known: bool = False

    @property
    def accepted(self) -> bool:
        """Whether some of its rows are or will be trained on."""
        return self.state not in (None, FileState.QUARANTINED)


class Swept(Record):
    """What a sweep did. `left`: drops that wait for a later sweep, with the reason; `released`: keys of dead runs."""

    landed: tuple[Landing, ...] = ()
    left: dict[str, str] = Field(default_factory=dict)
    announced: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


@contextmanager
def open_inbox(home: Home) -> Iterator[Inbox]:
    """The inbox of a home; its connections are closed at the end.

    It stays with the home, where the files are, whichever registry a run reports to: `MIAOTUI_INBOX_URI` names another
    database.
    """
    database = Ledger(os.environ.get("MIAOTUI_INBOX_URI") or f"sqlite:///{home.folder / 'inbox.db'}")
    try:
        yield Inbox(database)
    finally:
        database.close()


def land(
    home: Home,
    name: str,
    files: Sequence[str | Path],
    *,
    columns: Columns | None = None,
    announce: Announce | None = None,
    now: datetime | None = None,
) -> tuple[Landing, ...]:
    """Take files (paths or URLs, file:// and s3://) into the inbox of a model; one record per file, in order.

    `columns` are remembered for the model. `announce` tells whoever retrains; what it does not, the next sweep does.
    Raises UserError for a bad name; what is wrong with a file stands in its record.
    """
    folders, now = InboxFolders.of(home, name), now or datetime.now(UTC)
    with open_inbox(home) as inbox:
        if columns is not None:
            _read_by(folders, inbox, columns, now)
        landed = tuple(_land_one(folders, inbox, str(file), now) for file in files)
        _announce(inbox, name, announce, now)
    return landed


def read_by(home: Home, name: str, columns: Columns) -> None:
    """From now on the files of this model are read by these columns, those that have landed, too.

    Raises UserError where rows that were read by others are in use already.
    """
    with open_inbox(home) as inbox:
        _read_by(InboxFolders.of(home, name), inbox, columns, datetime.now(UTC))


def announce_landed(home: Home, name: str, announce: Announce, *, now: datetime | None = None) -> tuple[str, ...]:
    """Tell of what nobody was told of yet; the digests of those files. What `announce` raises ends it, and nothing is lost."""
    InboxFolders.of(home, name)
    with open_inbox(home) as inbox:
        return _announce(inbox, name, announce, now or datetime.now(UTC))


def sweep_inbox(
    home: Home, name: str, *, announce: Announce | None = None, now: datetime | None = None, settle_s: float = SETTLE_S
) -> Swept:
    """Take in finished drops, finish what was cut off, announce what was not, give back what dead runs hold."""
    folders, now = InboxFolders.of(home, name), now or datetime.now(UTC)
    folders.drop.mkdir(parents=True, exist_ok=True)
    with open_inbox(home) as inbox:
        released = inbox.release_expired(name, now=now)
        landed, left = _take_drops(folders, inbox, now, settle_s)
        landed += _finish_cut_off(folders, inbox, now)
        folders.remove_leftovers(older_than_s=ABANDONED_S, now=now.timestamp())
        announced = _announce(inbox, name, announce, now)
    return Swept(landed=tuple(landed), left=left, announced=announced, released=released)


def _read_by(folders: InboxFolders, inbox: Inbox, columns: Columns, now: datetime) -> None:
    before = remembered_columns(folders)
    if columns == before:
        return
    if not columns.same_rows(before) and not inbox.judge_anew(folders.model):
        raise UserError(
            f"other columns than those of the rows that were taken in for {folders.model} already "
            f"({', '.join(before.names)}): one training cannot read both; keep them, or use "
            "another name",
            field="data",
        )
    remember_columns(folders, columns)
    _finish_cut_off(folders, inbox, now)


def _land_one(folders: InboxFolders, inbox: Inbox, source: str, now: datetime) -> Landing:
    shown = _shown(source)
    try:
        file_format = format_of_source(source)
        with open_source(source) as stream:
            stored = folders.store(stream, file_format)
    except RefusedError as error:
        return Landing(source=shown, reason=str(error))
    return _record(folders, inbox, stored, shown, now)


def _take_drops(
    folders: InboxFolders, inbox: Inbox, now: datetime, settle_s: float
) -> tuple[list[Landing], dict[str, str]]:
    """What landed, and why the others are left."""
    landed: list[Landing] = []
    left: dict[str, str] = {}
    for drop in sorted(folders.drop.iterdir()):
        with suppress(FileNotFoundError):  # vanished, or another sweep was faster
            taken = _take_drop(folders, inbox, drop, now, settle_s)
            if isinstance(taken, str):
                left[_shown(drop.name)] = taken
            else:
                landed.append(taken)
    return landed, left


def _take_drop(folders: InboxFolders, inbox: Inbox, drop: Path, now: datetime, settle_s: float) -> Landing | str:
    """What became of a drop, or why it is left where it is."""
    about, shown = drop.lstat(), _shown(drop.name)
    age = now.timestamp() - about.st_mtime
    if drop.name.startswith(".") or drop.suffix.lower() in (".part", ".tmp", ".partial", ".crdownload", ".filepart"):
        return "its name says that it is being written"
    if stat.S_ISLNK(about.st_mode):
        return _set_aside(folders, drop, "is a symbolic link; drop the file itself")
    if not stat.S_ISREG(about.st_mode):
        return "is not a file"
    if age < settle_s:
        return "has changed a moment ago"
    try:
        file_format = format_of_source(drop.name)
        with opened(drop, follow=False) as stream:
            if age < ABANDONED_S and seems_unfinished(stream, file_format):
                return "ends in the middle of a row"
            stored = folders.store(stream, file_format)
    except PermissionError:
        return "may not be read"
    except RefusedError as error:
        later = drop.lstat()
        changed = (later.st_size, later.st_mtime_ns) != (about.st_size, about.st_mtime_ns)
        return "is being written" if changed else _set_aside(folders, drop, str(error))
    landed = _record(folders, inbox, stored, shown, now)
    write_point("remove a drop")
    if drop.lstat().st_mtime_ns == about.st_mtime_ns:  # else it was written anew, and the next sweep takes that
        drop.unlink()
    return landed


def _finish_cut_off(folders: InboxFolders, inbox: Inbox, now: datetime) -> list[Landing]:
    """Record the stored files that no record names, and judge what was recorded and not judged."""
    known = {file.sha256: file for file in inbox.files(folders.model)}
    landed = []
    for path in folders.stored():
        file = known.get(path.stem)
        if file is None or file.state is FileState.RECEIVED:
            shown = file.name if file else path.name
            landed.append(_record(folders, inbox, Stored(path.stem, path.stat().st_size, path), shown, now))
    return landed


def _record(folders: InboxFolders, inbox: Inbox, stored: Stored, shown: str, now: datetime) -> Landing:
    received = LandedFile(
        model=folders.model,
        sha256=stored.sha256,
        format=stored.path.suffix[1:],
        name=shown,
        size=stored.size,
        received_at=now,
        state=FileState.RECEIVED,
        rows=0,
        quarantined=0,
    )
    is_new = inbox.receive(received)
    (file,) = inbox.files(folders.model, sha256=stored.sha256)
    if file.state is FileState.RECEIVED:
        judged = judge_file(folders, stored.path, name=file.name, columns=remembered_columns(folders))
        portions = [
            Portion(sha256=stored.sha256, label=label, slice=part, rows=rows, landed_at=now)
            for (label, part), rows in sorted(judged.good.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        ]
        inbox.judge(folders.model, stored.sha256, portions=portions, quarantined=judged.bad, reason=judged.reason)
        (file,) = inbox.files(folders.model, sha256=stored.sha256)
    fields = file.model_dump(include={"sha256", "state", "rows", "quarantined", "reason"})
    return Landing(source=shown, known=not is_new, **fields)


def _set_aside(folders: InboxFolders, drop: Path, reason: str) -> Landing:
    folders.set_aside(drop, reason)
    return Landing(source=_shown(drop.name), state=FileState.QUARANTINED, reason=reason)


def _announce(inbox: Inbox, name: str, announce: Announce | None, now: datetime) -> tuple[str, ...]:
    """Tell of every judged file with good rows that nobody was told of; marked only once `announce` has returned."""
    if announce is None:
        return ()
    untold = [file for file in inbox.files(name) if file.rows and file.announced_at is None]
    for file in untold:
        write_point("announce a file")
        announce(file)
        inbox.mark_announced(name, file.sha256, now=now)
    return tuple(file.sha256 for file in untold)


def _shown(name: str) -> str:
    """A name from outside as one short printable line."""
    return printable(name)[-_MAX_NAME_CHARACTERS:]
