"""The frozen records that the steps hand to one another, to the registry and to the report."""

from tasks.records.benchmark import (
    BenchmarkResult,
    ChampionSpeed,
    Contender,
    Disturbance,
    Host,
    Percentile,
    Scenario,
    TokenLatency,
    TokenServer,
)
from tasks.records.compression import (
    CompressionResult,
    ExportResult,
    GraphParity,
    LatencyTable,
    LexicalResult,
    PruneResult,
    Screened,
    ScreenedFigures,
    Technique,
)
from tasks.records.data import CutRows, LandedRows, SnapshotResult, SourceFile
from tasks.records.evaluation import (
    ChampionComparison,
    EvaluationResult,
    PathEvaluation,
    SliceAccuracy,
    SliceComparison,
    UnreadableChampion,
)
from tasks.records.figures import Figure
from tasks.records.probing import ProbeOutcome, ProbesResult
from tasks.records.routing import (
    Certificate,
    Drafting,
    LadderCandidate,
    PathResult,
    Recalibration,
    RouterResult,
    operating_point_name,
)
from tasks.records.statistics import Interval, PairedTest, Ratio
from tasks.records.training import FineTuned, FineTuneResult, SeedCandidate, SeedChoice

__all__ = [
    "BenchmarkResult",
    "Certificate",
    "ChampionComparison",
    "ChampionSpeed",
    "CompressionResult",
    "Contender",
    "CutRows",
    "Disturbance",
    "Drafting",
    "EvaluationResult",
    "ExportResult",
    "Figure",
    "FineTuneResult",
    "FineTuned",
    "GraphParity",
    "Host",
    "Interval",
    "LadderCandidate",
    "LandedRows",
    "LatencyTable",
    "LexicalResult",
    "PairedTest",
    "PathEvaluation",
    "PathResult",
    "Percentile",
    "ProbeOutcome",
    "ProbesResult",
    "PruneResult",
    "Ratio",
    "Recalibration",
    "RouterResult",
    "Scenario",
    "Screened",
    "ScreenedFigures",
    "SeedCandidate",
    "SeedChoice",
    "SliceAccuracy",
    "SliceComparison",
    "SnapshotResult",
    "SourceFile",
    "Technique",
    "TokenLatency",
    "TokenServer",
    "UnreadableChampion",
    "operating_point_name",
]
