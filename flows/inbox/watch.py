"""Looks into the folders and buckets that a recipe watches, and lands what is new there; nothing is moved or removed.

What was seen is told by the file system's own key of an object (time, size, ETag), so that a file that is written again
is read again. Its rows count once however often they come.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import strict_json
from flows.home import Home
from flows.inbox.files import InboxFolders, RefusedError, opened
from flows.inbox.landing import ABANDONED_S, SETTLE_S, Landing, land
from flows.inbox.sources import format_of_source
from flows.inbox.unfinished import seems_unfinished
from tasks.errors import UserError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_MAX_FILES: Final = 100_000


def land_watched(
    home: Home, name: str, locations: Sequence[str], *, folder: Path = Path(), now: datetime | None = None
) -> tuple[Landing, ...]:
    """Lands what is new in `locations` (folders, globs, s3://…; relative ones below `folder`), oldest names first.

    Raises UserError for a location that cannot be listed.
    """
    folders, moment = InboxFolders.of(home, name), now or datetime.now(UTC)
    landed: list[Landing] = []
    for location in locations:
        for url, token in _listed(location, folder, moment):
            seen = _seen(folders)
            if seen.get(url) != token:
                landed += land(home, name, [url], now=now)
                with folders.writing(_seen_file(folders), "remember a watched file") as out:
                    out.write(strict_json.dumps(seen | {url: token}, ascii_only=True).encode())
    return tuple(landed)


def _listed(location: str, folder: Path, now: datetime) -> Iterator[tuple[str, str]]:
    """Files that are whole and in a known format, as paths or URLs, each with what tells this content from another."""
    system, path = _file_system(location, folder)
    try:
        found = (
            system.glob(path, detail=True) if any(sign in path for sign in "*?[") else system.find(path, detail=True)
        )
    except OSError as error:
        raise _unlistable(location, str(error.strerror or error)) from error
    if len(found) > _MAX_FILES:
        raise _unlistable(location, f"holds more than {_MAX_FILES:,} files; watch a folder of new ones")
    for each, about in sorted(found.items()):
        if about.get("type") == "file" and _is_ours(each) and _is_whole(each, about, now):
            yield (each if _is_local(system) else system.unstrip_protocol(each)), str(system.ukey(each))


def _file_system(location: str, folder: Path) -> "tuple[AbstractFileSystem, str]":
    import fsspec

    if "://" not in location:
        location = str((folder / Path(location).expanduser()).absolute())
    try:
        system, path = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise _unlistable(location, str(error)) from error
    return system, str(path)


def _is_ours(path: str) -> bool:
    try:
        format_of_source(path)
    except RefusedError:
        return False
    return not path.rpartition("/")[2].startswith(".")


def _is_whole(path: str, about: dict[str, Any], now: datetime) -> bool:
    """An object in a bucket is; a file here may still be written."""
    changed = about.get("mtime")
    if changed is None:
        return True
    age = now.timestamp() - float(changed)
    if age < SETTLE_S:
        return False
    if age >= ABANDONED_S:
        return True
    try:
        with opened(Path(path), follow=True) as stream:
            return not seems_unfinished(stream, format_of_source(path))
    except (OSError, RefusedError):
        return False


def _is_local(system: "AbstractFileSystem") -> bool:
    return "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)


def _seen(folders: InboxFolders) -> dict[str, str]:
    try:
        return dict(strict_json.loads(_seen_file(folders).read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}  # everything is read once more, and its content is known


def _seen_file(folders: InboxFolders) -> Path:
    return folders.inbox / "watched.json"


def _unlistable(location: str, reason: str) -> UserError:
    return UserError(f"{location} cannot be watched: {reason}", field="intake.watch")
