"""What a run of the pipeline came to."""

from dataclasses import dataclass
from pathlib import Path

from flows.registration import Registered
from registry.checks import Outcome, Verdict
from registry.evidence import Evidence
from registry.report import StepSummary


@dataclass(frozen=True)
class RunOutcome:
    """What a run came to."""

    name: str
    verdict: Verdict
    evidence: Evidence
    registered: Registered
    report: Path
    steps: tuple[StepSummary, ...]
    run_id: str | None

    @property
    def exit_code(self) -> int:
        """The verdict's; a PASS that was refused its promotion ends like what could not be settled."""
        refused = self.registered.promotion.refused
        return Outcome.INCONCLUSIVE.exit_code if refused else self.verdict.exit_code

    @property
    def all_reused(self) -> bool:
        """Whether nothing had to be computed."""
        return all(step.reused for step in self.steps)

    @property
    def nothing_new(self) -> bool:
        """Whether data, recipe and code were those of an earlier run, and nothing came of it this time either."""
        return self.all_reused and self.registered.reused and not self.registered.promotion.moved
