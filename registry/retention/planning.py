"""Decides what may go under a policy, and says of everything why it goes or stays. Reads, and changes nothing.

A registered version goes before the logged model that holds its files, and that before the run that made it; each only
when nothing that stays rests on it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry.retention.inventory import Inventory, all_versions, artifact_bytes, folder_bytes
from registry.retention.records import Item, Kept, Protected, RetentionPlan, RetentionPolicy
from registry.store import MlflowStore
from registry.versions import RegisteredVersion

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

TRASH: Final = "trash"
"""Where in a home a folder is moved before its files are removed, so that it is never half there."""
_YOUNG: Final = timedelta(days=1)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def plan_retention(store: MlflowStore, policy: RetentionPolicy, protected: Protected, now: datetime) -> RetentionPlan:
    """What of this home may go from MLflow and from the cache of fetched bundles. `now` is aware of its time zone.

    Raises UserError where the store cannot be opened. A home without a store has nothing that may go.
    """
    inventory = Inventory.read(store) if store.exists else Inventory({}, {}, {}, ())
    decisions = _Decisions(store, inventory, policy, protected, now)
    decided = [
        *decisions.versions(),
        *decisions.models(),
        *decisions.runs(),
        *decisions.cached_bundles(),
        *_trash(store),
    ]
    return RetentionPlan(
        made_at=now,
        policy=policy,
        doomed=tuple(entry for entry in decided if isinstance(entry, Item)),
        kept=tuple(entry for entry in decided if isinstance(entry, Kept)),
    )


def standing_digests(store: MlflowStore, protected: Protected) -> frozenset[str]:
    """The bundles that serve or may serve again: of versions with an alias, protected ones, and those named."""
    return _standing_digests(all_versions(store.open()) if store.exists else {}, protected)


def why_version_stays(version: RegisteredVersion, protected: Protected) -> str | None:
    """What protects a version whatever the policy says; None if nothing does."""
    if version.aliases:
        return f"it is the {' and the '.join(version.aliases)}"
    if (version.name, version.version) in protected.versions:
        return "it is protected"
    if version.bundle_digest in protected.bundle_digests:
        return "its bundle is protected"
    if version.run_id in protected.runs:
        return "its run is protected"
    return None


def why_run_stays(run: "Run", steps: "tuple[Run, ...]", protected: Protected, now: datetime) -> str | None:
    """What protects a run whatever the policy says; None if nothing does."""
    if run.info.run_id in protected.runs:
        return "it is protected"
    if any(entry.info.status == "RUNNING" for entry in (run, *steps)):
        return "it is running"
    if max(_last_time(entry) for entry in (run, *steps)) > now - _YOUNG:
        return "it is younger than a day"
    return None


class _Decisions:
    """One pass over the inventory; the versions must be decided before what they rest on."""

    def __init__(
        self, store: MlflowStore, inventory: Inventory, policy: RetentionPolicy, protected: Protected, now: datetime
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._policy = policy
        self._protected = protected
        self._now = now
        self._young = f"it is younger than {policy.days:g} days"
        # By run, what stays of it: versions keep its models and it, models keep it.
        self._versions_of: dict[str, list[str]] = defaultdict(list)
        self._models_of: dict[str, list[str]] = defaultdict(list)

    def versions(self) -> Iterator[Item | Kept]:
        for name, versions in self._inventory.versions.items():
            for rank, version in enumerate(versions):
                run_id = version.run_id
                if version.bundle_digest is None or run_id is None or run_id not in self._inventory.runs:
                    continue  # somebody else's
                reason = self._why_version_kept(version, rank)
                identity = f"{name}/{version.version}"
                if reason is None:
                    age = _days(self._now - version.created_at)
                    yield Item(kind="version", id=identity, bytes=0, reason=f"{age} old, and not needed any more")
                else:
                    self._versions_of[run_id].append(identity)
                    yield Kept(kind="version", id=identity, reason=reason)

    def models(self) -> Iterator[Item | Kept]:
        for run, model in self._inventory.models:
            reason = self._why_model_kept(run, model)
            if reason is None:
                size = artifact_bytes(self._store, model.artifact_location)
                yield Item(kind="logged model", id=model.model_id, bytes=size, reason="no version that stays holds it")
            else:
                self._models_of[run.info.run_id].append(model.model_id)
                yield Kept(kind="logged model", id=model.model_id, reason=reason)

    def runs(self) -> Iterator[Item | Kept]:
        experiments: dict[str, list[Run]] = defaultdict(list)
        for run in self._inventory.runs.values():
            if run.info.lifecycle_stage == "active":
                experiments[run.info.experiment_id].append(run)
        for runs in experiments.values():
            newest_first = sorted(runs, key=lambda run: run.info.start_time, reverse=True)
            for rank, run in enumerate(newest_first):
                steps = self._inventory.steps.get(run.info.run_id, ())
                reason = self._why_run_kept(run, steps, rank)
                if reason is None:
                    size = sum(artifact_bytes(self._store, entry.info.artifact_uri) for entry in (run, *steps))
                    age = _days(self._now - _last_time(run))
                    yield Item(kind="run", id=run.info.run_id, bytes=size, reason=f"{age} old, with {len(steps)} steps")
                else:
                    yield Kept(kind="run", id=run.info.run_id, reason=reason)

    def cached_bundles(self) -> Iterator[Item | Kept]:
        """Copies of bundles that a server keeps: they can be fetched again."""
        standing = _standing_digests(self._inventory.versions, self._protected)
        for folder in _folders(self._store.home / "models"):
            changed = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
            if not _DIGEST.fullmatch(folder.name):
                if changed < self._now - _YOUNG:
                    yield _leftover(folder, "left by a download that was cut off")
            elif folder.name in standing:
                yield Kept(kind="cached bundle", id=folder.name, reason="it serves, or may serve again")
            elif changed < self._policy.cutoff(self._now):
                age = _days(self._now - changed)
                yield Item(
                    kind="cached bundle", id=folder.name, bytes=folder_bytes(folder), reason=f"fetched {age} ago"
                )

    def _why_version_kept(self, version: RegisteredVersion, rank: int) -> str | None:
        if reason := why_version_stays(version, self._protected):
            return reason
        if rank < self._policy.versions:
            return f"it is among the newest {self._policy.versions} of {version.name}"
        return self._young if version.created_at > self._policy.cutoff(self._now) else None

    def _why_model_kept(self, run: "Run", model: "LoggedModel") -> str | None:
        if resting := self._versions_of[run.info.run_id]:
            return f"{', '.join(resting)} rests on it"
        if model.tags.get("bundle_digest") in self._protected.bundle_digests:
            return "its bundle is protected"
        steps = self._inventory.steps.get(run.info.run_id, ())
        if reason := why_run_stays(run, steps, self._protected, self._now):
            return f"of its run {run.info.run_id}: {reason}"
        created = datetime.fromtimestamp(model.creation_timestamp / 1000, UTC)
        return self._young if created > self._policy.cutoff(self._now) else None

    def _why_run_kept(self, run: "Run", steps: "tuple[Run, ...]", rank: int) -> str | None:
        if reason := why_run_stays(run, steps, self._protected, self._now):
            return reason
        if resting := self._versions_of[run.info.run_id] + self._models_of[run.info.run_id]:
            return f"{', '.join(resting)} rests on it"
        if rank < self._policy.runs:
            return f"it is among the newest {self._policy.runs} of its experiment"
        return self._young if _last_time(run) > self._policy.cutoff(self._now) else None


def _trash(store: MlflowStore) -> Iterator[Item]:
    for folder in _folders(store.home / TRASH):
        yield _leftover(folder, "left by a deletion that was cut off")


def _leftover(folder: Path, reason: str) -> Item:
    return Item(kind="leftover", id=f"{folder.parent.name}/{folder.name}", bytes=folder_bytes(folder), reason=reason)


def _standing_digests(versions: dict[str, tuple[RegisteredVersion, ...]], protected: Protected) -> frozenset[str]:
    standing = {
        version.bundle_digest
        for found in versions.values()
        for version in found
        if version.bundle_digest and why_version_stays(version, protected)
    }
    return frozenset(standing | protected.bundle_digests)


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _last_time(run: "Run") -> datetime:
    return datetime.fromtimestamp((run.info.end_time or run.info.start_time) / 1000, UTC)


def _days(age: timedelta) -> str:
    return f"{age.total_seconds() / 86400:.0f} days"
