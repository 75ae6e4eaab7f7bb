"""What a bundle is compared with: the version that serves now.

The alias `champion` names it. Where the champion has the very bytes under judgement, it is the version that those bytes
were compared with: a run that is repeated then finds the comparison, the evidence and the verdict of the first time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from registry.store import MlflowStore
from registry.versions import CHAMPION, RegisteredVersion, fetch_bundle, find_alias, find_version
from tasks.errors import UserError
from tasks.recipe import Target
from tasks.records import UnreadableChampion

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Baseline:
    """A registered version and its verified bundle on this machine, or the `problem` for which there is none."""

    version: RegisteredVersion
    bundle: Path | None
    problem: str = ""

    @property
    def unreadable(self) -> UnreadableChampion | None:
        """The record of a baseline without a bundle."""
        if self.bundle is not None:
            return None
        return UnreadableChampion(name=self.version.name, version=self.version.version, problem=self.problem)


def find_baseline(store: MlflowStore, name: str, bundle_digest: str, targets: Sequence[Target] = ()) -> Baseline | None:
    """The baseline for the bundle with this digest; None where no other bytes have ever served under `name`.

    The bytes are compared with their registered digest and loaded as each of `targets` would load them. What is wrong
    with them is told in the baseline and never raised.
    """
    if not store.exists:
        return None
    version = _other_bytes(store.open(), name, bundle_digest)
    return _readable(store, version, targets) if version is not None else None


def find_champion(store: MlflowStore, name: str, targets: Sequence[Target] = ()) -> Baseline | None:
    """The version that serves now, whatever its bytes, in the same way; None where none does."""
    if not store.exists:
        return None
    version = find_alias(store.open(), name, CHAMPION)
    return _readable(store, version, targets) if version is not None else None


def _readable(store: MlflowStore, version: RegisteredVersion, targets: Sequence[Target]) -> Baseline:
    from engine import AdaptiveModel

    try:
        bundle = fetch_bundle(store, version)
        for target in targets:
            AdaptiveModel.load(bundle, threads=target.threads, execution_provider=target.execution_provider)
    except (UserError, EngineError) as error:
        return Baseline(version, None, str(error))
    return Baseline(version, bundle)


def _other_bytes(client: "MlflowClient", name: str, bundle_digest: str) -> RegisteredVersion | None:
    """The champion, or the nearest version with other bytes among those that led to it."""
    version = find_alias(client, name, CHAMPION)
    while version is not None and version.bundle_digest == bundle_digest:
        before = version.tags.get("compared_with", "")
        # A version was compared with an older one, so this comes to an end.
        earlier = before.isdigit() and int(before) < version.version
        version = find_version(client, name, int(before)) if earlier else None
    return version
