"""The frozen records that the steps hand to one another, to the registry and to the report.

May import `tasks.artifact` alone, since every room reads them. Begin with `figures.py` (what is judged), then `evaluation.py`.
"""

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
    GraphParity,
    Screened,
    ScreenedFigures,
    Technique,
)
from tasks.records.data import LandedRows, SnapshotResult, SourceFile
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
from tasks.records.training import FineTuned

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
    "Figure",
    "FineTuned",
    "GraphParity",
    "Host",
    "Interval",
    "LadderCandidate",
    "LandedRows",
    "PairedTest",
    "PathEvaluation",
    "PathResult",
    "Percentile",
    "ProbeOutcome",
    "ProbesResult",
    "Ratio",
    "Recalibration",
    "RouterResult",
    "Scenario",
    "Screened",
    "ScreenedFigures",
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
