"""Registers what was judged and promotes it, or finds that this was done before, so that nothing is promoted twice."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows.run_tracking import RunTracking
from registry.checks import Verdict
from registry.evidence import Evidence
from registry.package import Registration, register_bundle
from registry.promotion import Promotion, promote
from registry.store import MlflowStore
from registry.versions import CHAMPION, RegisteredVersion, fetch_bundle, find_alias, versions_with_tags
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Registered:
    """A registered version and what became of its promotion."""

    version: RegisteredVersion
    promotion: Promotion


def find_registered(store: MlflowStore, name: str, evidence: Evidence, verdict: Verdict) -> RegisteredVersion | None:
    """The version registered with these bytes, this evidence and this verdict, if its bytes are still there."""
    if not store.exists:
        return None
    same = {
        "bundle_digest": evidence.bundle_digest,
        "evidence_digest": evidence.digest,
        "verdict_digest": verdict.digest,
    }
    for version in versions_with_tags(store.open(), name, same):
        try:
            fetch_bundle(store, version)
        except UserError:
            continue
        return version
    return None


def register(tracking: RunTracking, name: str, bundle: Path, evidence: Evidence, verdict: Verdict) -> Registration:
    """Registers the bundle from the tracking's run, whatever the verdict."""
    tracking.start()
    return register_bundle(tracking.tracker, name=name, bundle=bundle, evidence=evidence, verdict=verdict)


def settle(
    store: MlflowStore, registration: Registration, verdict: Verdict, mode: Literal["auto", "review"]
) -> Promotion:
    """Promotes a version by its verdict, unless that was settled by an earlier run.

    What happened since (another champion, a rollback, a review) then stays as it is.
    """
    version = registration.version
    if registration.reused and _was_settled(store.open(), version):
        held = version.aliases[0] if version.aliases else None
        sentence = f"{version.uri} is the {held}" if held else f"{version.uri} was promoted before and replaced since"
        return Promotion(
            name=version.name, version=version.version, alias=held, moved=False, replaced=None, sentence=sentence
        )
    return promote(store, registration, verdict, mode=mode)


def _was_settled(client: "MlflowClient", version: RegisteredVersion) -> bool:
    """Whether a promotion was carried out to its end: a kill may fall between its tags and the alias."""
    if version.aliases or "review" in version.tags:
        return True
    if "promotion" not in version.tags:
        return False
    champion = find_alias(client, version.name, CHAMPION)
    return champion is not None and champion.tags.get("promoted_at", "") >= version.tags.get("promoted_at", "")
