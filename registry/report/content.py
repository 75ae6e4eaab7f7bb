"""Everything that the report shows: the records of one run, as the steps returned them."""

from dataclasses import dataclass
from datetime import datetime

from registry.checks import Verdict
from registry.gates import ADAPTIVE_CONTENDER
from tasks.families.generation.records import GenerationFineTuneResult, StudentResult
from tasks.recipe import Recipe
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    CompressionResult,
    Contender,
    EvaluationResult,
    FineTuneResult,
    LexicalResult,
    PruneResult,
    RouterResult,
    SeedChoice,
    SnapshotResult,
    UnreadableChampion,
)


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step of the run: seconds it took now (or when it was computed, if `reused`), and its artifact's digest."""

    name: str
    seconds: float
    reused: bool
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """The evidence of one run. What is None was not part of the recipe; an empty `benchmarks` was never measured.

    `override`: by whose word the present champion serves although it is no PASS; empty where it is one. `remarks`: what the
    steps put on the record.
    """

    name: str
    version: str
    created: datetime
    recipe: Recipe
    snapshot: SnapshotResult
    fine_tune: FineTuneResult | GenerationFineTuneResult
    prune: PruneResult | None
    compression: CompressionResult
    lexical: LexicalResult | None
    router: RouterResult
    evaluation: EvaluationResult
    benchmarks: tuple[BenchmarkResult, ...]
    verdict: Verdict
    steps: tuple[StepSummary, ...]
    champion: ChampionComparison | None = None
    unreadable_champion: UnreadableChampion | None = None
    override: str = ""
    seeds: SeedChoice | None = None
    student: StudentResult | None = None
    remarks: tuple[str, ...] = ()

    @property
    def compared_by(self) -> str:
        """What the parity of two graphs is measured in."""
        return "logits" if self.evaluation.generation is None else "log-probabilities"

    @property
    def adaptive(self) -> Contender | None:
        """The routed model in the first target's interleaved comparison."""
        contenders = self.benchmarks[0].contenders if self.benchmarks else ()
        return next((contender for contender in contenders if contender.name == ADAPTIVE_CONTENDER), None)
