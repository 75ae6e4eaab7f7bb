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
    LexicalResult,
    PruneResult,
    Technique,
)
from tasks.records.data import LandedRows, SnapshotResult, SourceFile
from tasks.records.evaluation import (
    ChampionComparison,
    EvaluationResult,
    GenerationScores,
    PathEvaluation,
    SliceAccuracy,
    SliceComparison,
    UnreadableChampion,
)
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
from tasks.records.training import FineTuneResult, SeedCandidate, SeedChoice

__all__ = [
    "BenchmarkResult",
    "Certificate",
    "ChampionComparison",
    "ChampionSpeed",
    "CompressionResult",
    "Contender",
    "Disturbance",
    "Drafting",
    "EvaluationResult",
    "ExportResult",
    "FineTuneResult",
    "GenerationScores",
    "GraphParity",
    "Host",
    "Interval",
    "LadderCandidate",
    "LandedRows",
    "LexicalResult",
    "PairedTest",
    "PathEvaluation",
    "PathResult",
    "Percentile",
    "PruneResult",
    "Ratio",
    "Recalibration",
    "RouterResult",
    "Scenario",
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
