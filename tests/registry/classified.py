"""Evidence of a run of text classification in which everything went well, for tests to spoil."""

from collections.abc import Mapping
from typing import Any

from registry.evidence import Evidence
from tasks.families.classification.account import account_of
from tasks.families.classification.figures import (
    calibration_figure,
    in_scope_figure,
    macro_f1_figure,
    out_of_scope_figures,
)
from tasks.families.classification.records import FineTuneResult
from tasks.records import (
    BenchmarkResult,
    Certificate,
    CompressionResult,
    Contender,
    EvaluationResult,
    Figure,
    Host,
    Interval,
    LadderCandidate,
    PairedTest,
    PathEvaluation,
    PathResult,
    Percentile,
    ProbeOutcome,
    ProbesResult,
    Ratio,
    RouterResult,
    Scenario,
    SliceAccuracy,
    SnapshotResult,
    SourceFile,
    Technique,
)

LABEL = "oos"


def classification_evidence(digest: str) -> Evidence:
    """Of a run of text classification in which everything went well; `digest`: its bundle's."""
    return Evidence(
        bundle_digest=digest,
        snapshot=_snapshot(),
        fine_tuned=_fine_tuned(),
        compression=_compression(),
        router=_router(digest),
        evaluation=_evaluation(),
        benchmarks=(_benchmark(digest),),
        probes=_probes(digest),
        account=account_of(_snapshot(), _fine_tuned(), prune=None, lexical=None, seeds=None),
    )


def class_figures(
    *,
    in_scope: tuple[Interval, Interval],
    macro_f1: tuple[float, float],
    calibration_error: tuple[float, float],
    outside: Mapping[str, Any],
    label: str = LABEL,
    rows: int = 900,
) -> tuple[Figure, ...]:
    """`in_scope`: of the routed model and the reference; values with their bounds; `outside`: of out-of-scope rows."""
    return (
        in_scope_figure(*in_scope),
        macro_f1_figure(*macro_f1, rows=rows, confidence=0.95),
        calibration_figure(*calibration_error, rows=rows, confidence=0.95),
        *out_of_scope_figures(label, **outside),
    )


def _interval(successes: int, n: int, low: float, high: float) -> Interval:
    return Interval(value=successes / n, low=low, high=high, successes=successes, n=n, confidence=0.95)


def _paired(n: int, harms: int, gains: int) -> PairedTest:
    return PairedTest(
        n=n,
        harms=harms,
        gains=gains,
        loss=(harms - gains) / n,
        epsilon=0.01,
        p_value=0.01,
        upper_bound=0.008,
        confidence=0.95,
    )


def _snapshot() -> SnapshotResult:
    return SnapshotResult(
        rows={"train": 4000, "tune": 600, "certify": 1000, "gate": 900},
        out_of_scope_rows={"train": 0, "tune": 60, "certify": 100, "gate": 90},
        labels=("move_money", "lost_card", "opening_hours"),
        out_of_scope_label="oos",
        slices=("banking", "travel"),
        sources=(SourceFile(location="data/train.jsonl", sha256="a" * 64, rows=6000, quarantined=3),),
        quarantined=3,
        quarantine_reasons={"empty text": 3},
        duplicates=5,
        contradicting=1,
        leaking_exact=2,
        leaking_near=4,
        content_digest="c" * 64,
    )


def _fine_tuned() -> FineTuneResult:
    return FineTuneResult(
        base_model="sentence-transformers/all-MiniLM-L6-v2",
        base_digest="b" * 64,
        exits=(1, 2),
        layers=6,
        parameters=22_000_000,
        epochs_run=3,
        best_epoch=3,
        train_loss=0.1,
        accuracy={"layer-1": 0.85, "full": 0.95},
    )


def _compression() -> CompressionResult:
    kept = Technique(
        name="dynamic-int8",
        parent="fp32",
        kept=True,
        reason="faster and not inferior",
        speedup=Ratio(value=1.8, low=1.7, high=1.9),
        accuracy=0.95,
        parent_accuracy=0.95,
        test=_paired(600, 1, 1),
        size_mb=23.0,
        parent_size_mb=90.0,
        parity=0.2,
        agreement=0.997,
        mean_ms=4.5,
        parent_mean_ms=8.1,
    )
    dropped = kept.model_copy(update={"name": "static-int8", "kept": False, "reason": "slower | than its parent"})
    return CompressionResult(
        model="fine-tuned",
        precision="dynamic-int8",
        techniques=(kept, dropped),
        parity=(),
        segments=("segment-1.onnx",),
        parent_segments=(),
        static_monolith="static.onnx",
        static_precision="dynamic-int8",
        reference_monolith="reference.onnx",
    )


def _router(digest: str) -> RouterResult:
    paths = (
        PathResult(name="lexical", kind="lexical", cost_ms=0.1, cumulative_ms=0.1, tune_accuracy=0.85, stop_share=0.6),
        PathResult(name="full", kind="encoder", cost_ms=4.4, cumulative_ms=4.5, tune_accuracy=0.95, stop_share=0.4),
    )
    certificate = Certificate(
        epsilon=0.01,
        confidence=0.95,
        certified=True,
        test=_paired(1000, 2, 1),
        settings_tried=7,
        delta_spent=0.05,
        stop_shares={"lexical": 0.6, "full": 0.4},
        expected_cost_ms=1.9,
        statement="With probability at least 95 % the routed answer loses at most 1 % accuracy.",
    )
    return RouterResult(
        paths=paths,
        certificates=(certificate,),
        operating_point="1%",
        reference_accuracy=0.95,
        expected_cost_ms=1.9,
        static_cost_ms=4.5,
        oracle_cost_ms=0.9,
        random_cost_ms=2.3,
        candidates=(LadderCandidate(name="fine-tuned, last path alone", predicted_cost_ms=1.4, chosen=True),),
        certify_digest="d" * 64,
        attempt=1,
        bundle_digest=digest,
        size_mb=24.0,
    )


def _probes(digest: str) -> ProbesResult:
    outcomes = (
        ProbeOutcome(name="the longest admissible input"),
        ProbeOutcome(name="an empty text", error="the text has no token"),
    )
    return ProbesResult(bundle_digest=digest, golden_rows=16, longest=64, admissible=64, outcomes=outcomes)


def _evaluation() -> EvaluationResult:
    whole = _interval(855, 900, 0.934, 0.963)
    return EvaluationResult(
        rows=900,
        accuracy=whole,
        reference_accuracy=whole,
        static_accuracy=whole,
        reference=_paired(900, 4, 2),
        disagreement=_interval(9, 900, 0.004, 0.019),
        slices=(
            SliceAccuracy(name="banking", accuracy=_interval(390, 400, 0.95, 0.99)),
            SliceAccuracy(name="travel", accuracy=_interval(380, 410, 0.9, 0.95)),
        ),
        classes=(SliceAccuracy(name="move_money", accuracy=_interval(270, 300, 0.86, 0.93)),),
        paths=(
            PathEvaluation(name="lexical", accuracy=whole, stop_share=0.6, accuracy_when_stopped=0.98, cost_ms=0.1),
            PathEvaluation(name="full", accuracy=whole, stop_share=0.4, accuracy_when_stopped=0.9, cost_ms=4.5),
        ),
        leaking_rows=0,
        figures=class_figures(
            in_scope=(_interval(778, 810, 0.945, 0.973), whole),
            macro_f1=(0.95, 0.93),
            calibration_error=(0.03, 0.05),
            outside={
                "recall": _interval(72, 90, 0.70, 0.88),
                "auroc": 0.97,
                "fpr95": 0.1,
                "early_share": 0.01,
                "in_scope_rows": 810,
            },
        ),
        unanswered={"gate": 0},
    )


def _benchmark(digest: str) -> BenchmarkResult:
    percentiles = (
        Percentile(percentile=50, value_ms=0.5, upper_bound_ms=0.6, missing=0),
        Percentile(percentile=90, value_ms=5.0, upper_bound_ms=5.5, missing=0),
        Percentile(percentile=99, value_ms=8.0, upper_bound_ms=9.0, missing=0),
    )
    single = Scenario(
        name="SingleStream",
        queries=1500,
        valid=True,
        validity="VALID",
        qps=500.0,
        target_qps=None,
        latency_bound_ms=None,
        mean_ms=2.0,
        percentiles=percentiles,
        errors=0,
    )
    server = single.model_copy(update={"name": "Server", "target_qps": 200.0, "latency_bound_ms": 50.0})
    return BenchmarkResult(
        target="local-cpu",
        host=Host(cpu="A processor", instruction_set=("avx2",), cores=2, memory_gb=8.0, accelerator=None, runtimes={}),
        bundle_digest=digest,
        execution_providers=("CPUExecutionProvider",),
        cold_start_s=0.8,
        first_answer_ms=9.0,
        peak_memory_mb=180.0,
        size_mb=24.0,
        scenarios=(single, server),
        sustained_qps=240.0,
        contenders=(
            Contender(
                name="adaptive", mean_ms=1.5, p50_ms=0.5, p99_ms=8.0, speedup=Ratio(value=3.0, low=2.8, high=3.2)
            ),
        ),
        stop_shares={"lexical": 0.6, "full": 0.4},
        latencies_ms=(0.5, 0.6, 8.0),
        noise=Ratio(value=1.0, low=0.98, high=1.02),
        inputs=900,
        unanswered=0,
    )
