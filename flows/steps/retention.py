"""Which stored results of steps may go: those not used for long, and that no protected bundle was made from.

A bundle's certificate can be renewed only with the graphs that it was made from, so a protected bundle keeps its whole
ancestry in the store. Results that a run may be using, or that are being computed, stay.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import ValidationError

from engine.digests import combined_digest
from flows.home import Home
from flows.steps.sealing import MANIFEST, Manifest
from registry.retention import Item, Kept, RetentionPolicy
from registry.retention.deletion import remove_folder
from registry.retention.inventory import folder_bytes

_YOUNG: Final = timedelta(days=1)
_BUNDLE: Final = "bundle/"
Identity = tuple[str, str]
"""A step's name and the digest of the artifact that it made."""


@dataclass(frozen=True)
class Stored:
    """An entry of the store; `manifest` is None where it was never finished. `used`: when it was last made or reused."""

    folder: Path
    manifest: Manifest | None
    used: datetime

    @property
    def id(self) -> str:
        """`step/key`."""
        return f"{self.folder.parent.name}/{self.folder.name}"


def plan_step_results(
    home: Home,
    policy: RetentionPolicy,
    bundle_digests: Collection[str],
    *,
    running_since: datetime | None,
    now: datetime,
) -> Iterator[Item | Kept]:
    """Every stored result and every leftover of a killed computation, with why it may go or stays.

    `bundle_digests`: of the protected bundles. `running_since`: when the oldest run that goes on began; None if none does.
    """
    stored = _stored(home)
    ancestry = _ancestry(stored, bundle_digests)
    by_step: dict[str, list[Stored]] = {}
    for entry in sorted(stored, key=lambda found: found.used, reverse=True):
        by_step.setdefault(entry.folder.parent.name, []).append(entry)
    for entries in by_step.values():
        for rank, entry in enumerate(entries):
            reason = _why_kept(entry, rank, ancestry, policy, running_since=running_since, now=now)
            yield Kept(kind="step result", id=entry.id, reason=reason) if reason else _item(entry, now)
    for folder in _folders(home.work):
        used = _last_change(folder)
        if used < policy.cutoff(now):
            unused = f"an unfinished computation, unchanged for {(now - used).days} days"
            yield Item(kind="unfinished step", id=folder.name, bytes=folder_bytes(folder), reason=unused)


def delete_step_result(
    home: Home, item: Item, bundle_digests: Collection[str], *, running_since: datetime | None, now: datetime
) -> str | None:
    """Delete a stored result, or what a killed computation left, and return None; or say why it stays."""
    unfinished = item.kind == "unfinished step"
    name, folder = (item.id, home.work / item.id) if unfinished else (item.id.replace("/", "-"), home.store / item.id)
    with _unless_computed(home, name) as free:
        if not free:
            return "it is being computed"
        if not folder.exists():
            return None
        used = _last_change(folder) if unfinished else _read(folder).used
        if used > now - _YOUNG or _in_use(used, running_since):
            return "it was used since"
        if not unfinished and item.id in _ancestry(_stored(home), bundle_digests):
            return "a protected bundle was made from it"
        remove_folder(folder, home.folder)
    return None


def _why_kept(
    entry: Stored,
    rank: int,
    ancestry: Collection[str],
    policy: RetentionPolicy,
    *,
    running_since: datetime | None,
    now: datetime,
) -> str | None:
    if entry.id in ancestry:
        return "a protected bundle was made from it"
    if entry.used > now - _YOUNG:
        return "it was used within the last day"
    if _in_use(entry.used, running_since):
        return "a run that goes on may be using it"
    if entry.manifest is None:
        return None
    if rank < policy.step_results:
        return f"it is among the {policy.step_results} of its step used last"
    return f"it was used within {policy.days:g} days" if entry.used > policy.cutoff(now) else None


def _in_use(used: datetime, running_since: datetime | None) -> bool:
    """Whether a run that goes on may have used it; what it reused first, it used before it was logged as running."""
    return running_since is not None and used > running_since - _YOUNG


def _item(entry: Stored, now: datetime) -> Item:
    unfinished = "" if entry.manifest else "never finished, "
    reason = f"{unfinished}not used for {(now - entry.used).days} days"
    return Item(kind="step result", id=entry.id, bytes=folder_bytes(entry.folder), reason=reason)


def _ancestry(stored: Collection[Stored], bundle_digests: Collection[str]) -> frozenset[str]:
    """The ids of all results that the bundles with these digests are, or were made from."""
    made_by: dict[Identity, list[Stored]] = {}
    for entry in stored:
        if entry.manifest is not None:
            identity = (entry.manifest.step, combined_digest(entry.manifest.files))
            made_by.setdefault(identity, []).append(entry)
    waiting = [entry for entry in stored if entry.manifest and _bundle_digest(entry.manifest) in bundle_digests]
    found: set[str] = set()
    while waiting:
        entry = waiting.pop()
        if entry.id not in found and entry.manifest is not None:
            found.add(entry.id)
            for identity in _inputs(entry.manifest.parts.get("inputs")):
                waiting += made_by.get(identity, [])
    return frozenset(found)


def _bundle_digest(manifest: Manifest) -> str | None:
    files = {name.removeprefix(_BUNDLE): digest for name, digest in manifest.files.items() if name.startswith(_BUNDLE)}
    return combined_digest(files) if files else None


def _inputs(part: object) -> Iterator[Identity]:
    """The artifacts that a step's inputs name, however deep (`flows.steps.key` writes them so)."""
    if isinstance(part, Mapping):
        if part.keys() == {"artifact", "digest"}:
            yield str(part["artifact"]), str(part["digest"])
        else:
            for value in part.values():
                yield from _inputs(value)
    elif isinstance(part, list):
        for value in part:
            yield from _inputs(value)


def _stored(home: Home) -> list[Stored]:
    return [_read(folder) for step in _folders(home.store) for folder in _folders(step)]


def _read(folder: Path) -> Stored:
    file = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
        return Stored(folder, manifest, datetime.fromtimestamp(file.stat().st_mtime, UTC))
    except (FileNotFoundError, ValidationError):
        return Stored(folder, None, _last_change(folder))


def _last_change(folder: Path) -> datetime:
    times = [path.lstat().st_mtime for path in (folder, *folder.rglob("*"))]
    return datetime.fromtimestamp(max(times), UTC)


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


@contextmanager
def _unless_computed(home: Home, name: str) -> Iterator[bool]:
    """Holds the lock that a computation of this result would take; False where one holds it."""
    home.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
