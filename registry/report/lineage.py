"""From the data to the verdict by digests, and what every step of the run took."""

from dataclasses import dataclass

from registry.report.content import ReportContent, StepSummary
from tasks.formatting import NOT_MEASURED, count, is_measured, megabytes


@dataclass(frozen=True, slots=True)
class Station:
    """One thing on the way from data to verdict; `digest` is its SHA-256."""

    title: str
    detail: str
    digest: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step; `share` is its bar's length in percent of the longest step."""

    step: StepSummary
    share: float


def lineage(content: ReportContent) -> list[list[Station]]:
    """What went in, the bundle that came out, where its bytes were measured, and the verdict, as four columns."""
    evidence = content.evidence
    snapshot, tuned, compression, router = evidence.snapshot, evidence.fine_tuned, evidence.compression, evidence.router
    rows = sum(snapshot.rows.values())
    labels = f", {count(len(snapshot.labels))} labels" if snapshot.labels else ""
    measured = [
        Station("measured", f"bundle on {benchmark.target}", benchmark.bundle_digest)
        for benchmark in evidence.benchmarks
    ]
    inputs = [
        Station("data", f"snapshot of {count(rows)} rows{labels}", snapshot.content_digest),
        Station("base model", tuned.base_model, tuned.base_digest or ""),
        Station(
            "certify rows",
            f"attempt {router.attempt} on these rows",
            router.certify_digest,
        ),
    ]
    served = f"{compression.model}, {compression.precision}, {megabytes(router.size_mb)}"
    bundle = Station("bundle", served, router.bundle_digest)
    verdict = Station(
        "verdict", f"{content.verdict.outcome}, {len(content.verdict.checks)} checks", content.verdict.digest
    )
    return [inputs, [bundle], measured or [Station("measured", NOT_MEASURED, "")], [verdict]]


def other_bytes(content: ReportContent) -> list[str]:
    """Targets on which another bundle was measured than the one that was calibrated."""
    return [b.target for b in content.evidence.benchmarks if b.bundle_digest != content.evidence.router.bundle_digest]


def step_rows(content: ReportContent) -> list[StepRow]:
    """All steps in order."""
    longest = max((step.seconds for step in content.steps if is_measured(step.seconds)), default=0.0) or 1.0
    return [
        StepRow(step, round(100 * step.seconds / longest, 2) if is_measured(step.seconds) else 0.0)
        for step in content.steps
    ]
