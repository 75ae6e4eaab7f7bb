"""Everything that the report shows: the evidence of one run, the verdict on it, and how the run went."""

from dataclasses import dataclass
from datetime import datetime

from registry.checks import Verdict
from registry.evidence import Evidence
from registry.gates import ADAPTIVE_CONTENDER
from tasks.recipe import Recipe
from tasks.records import Contender


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step of the run: seconds it took now (or when it was computed, if `reused`), and its artifact's digest."""

    name: str
    seconds: float
    reused: bool
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """One run. `override`: by whose word the present champion serves although it is no PASS; empty where it is one."""

    name: str
    version: str
    created: datetime
    recipe: Recipe
    evidence: Evidence
    verdict: Verdict
    steps: tuple[StepSummary, ...]
    override: str = ""

    @property
    def adaptive(self) -> Contender | None:
        """The routed model in the first target's interleaved comparison."""
        contenders = self.evidence.benchmarks[0].contenders if self.evidence.benchmarks else ()
        return next((contender for contender in contenders if contender.name == ADAPTIVE_CONTENDER), None)
