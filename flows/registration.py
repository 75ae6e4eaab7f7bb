"""Registers what was judged, or finds that this was done before, so that nothing is registered twice."""

from dataclasses import dataclass
from pathlib import Path

from flows.run_tracking import RunTracking
from registry.checks import Verdict
from registry.evidence import Evidence
from registry.package import Registration, register_bundle
from registry.promotion import Promotion
from registry.store import MlflowStore
from registry.versions import RegisteredVersion, verify_model, versions_with_tags
from tasks.errors import UserError


@dataclass(frozen=True)
class Registered:
    """A registered version and what became of its promotion. `reused`: it was registered by an earlier run."""

    version: RegisteredVersion
    promotion: Promotion
    reused: bool = False


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
            verify_model(store, version)
        except UserError:
            continue
        return version
    return None


def register(
    tracking: RunTracking, name: str, bundle: Path, evidence: Evidence, verdict: Verdict, report: Path
) -> Registration:
    """Registers the bundle from the tracking's run, with its report, whatever the verdict."""
    tracking.start()
    return register_bundle(
        tracking.tracker, name=name, bundle=bundle, evidence=evidence, verdict=verdict, report=report
    )
