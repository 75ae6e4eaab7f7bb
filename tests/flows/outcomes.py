"""Outcomes of runs that never ran, made of a fixture's evidence."""

from datetime import UTC, datetime
from pathlib import Path

from flows.registration import Registered
from flows.run_outcome import RunOutcome
from registry.checks import Verdict
from registry.evidence import Evidence
from registry.promotion import Promotion
from registry.report import StepSummary
from registry.versions import RegisteredVersion


def outcome_of(evidence: Evidence, verdict: Verdict, *, report: Path = Path("/reports/support-intents-1a2b.html")):
    """A run of `support-intents` whose fine-tuning was computed and whose version 3 serves now."""
    version = RegisteredVersion(
        name="support-intents",
        version=3,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        verdict=verdict.outcome,
        bundle_digest=evidence.bundle_digest,
        aliases=(),
        run_id=None,
        tags={},
    )
    promotion = Promotion(
        name=version.name,
        version=3,
        alias="champion",
        moved=True,
        replaced=2,
        sentence=f"{version.uri} is the champion now, after version 2",
    )
    steps = (StepSummary("snapshot", 2.0, True, "a" * 64), StepSummary("fine-tune", 60.0, False, "b" * 64))
    return RunOutcome(version.name, verdict, evidence, Registered(version, promotion), report, steps, None)
