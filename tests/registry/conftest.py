"""Evidence that passes, for tests to spoil; a fake bundle; an MLflow store whose tables are made once per session."""

import os
import shutil

import pytest

from engine.digests import folder_digest
from registry.checks import Verdict
from registry.evidence import Evidence
from registry.store import MlflowStore
from registry.tracking import RunTracker
from registry.verdict import judge
from tasks.families.classification.account import account_of
from tasks.families.classification.recipe import Gates
from tasks.families.generation.recipe import GenerationGates
from tasks.recipe import Target
from tasks.records import (
    BenchmarkResult,
    Certificate,
    ChampionComparison,
    ChampionSpeed,
    CompressionResult,
    Contender,
    EvaluationResult,
    FineTuneResult,
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
from tasks.statistics.paired_test import paired_test_of_counts
from tests.registry.classified import class_figures
from tests.registry.fake_bundle import write_fake_bundle
from tests.registry.generated import generation_evidence

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """A folder that looks like a bundle to everything but the engine."""
    return write_fake_bundle(tmp_path_factory.mktemp("measured") / "bundle", "weights of the first segment")


@pytest.fixture(scope="session")
def target():
    return Target(name="local-cpu")


@pytest.fixture(scope="session")
def gates():
    """Every gate there is, at thresholds that the evidence meets."""
    return Gates(
        accuracy=0.9,
        in_scope_accuracy=0.9,
        macro_f1=0.9,
        out_of_scope_recall=0.5,
        slice_accuracy=0.8,
        expected_calibration_error=0.1,
        latency_p50_ms=5,
        latency_p90_ms=10,
        latency_p99_ms=25,
        throughput_qps=200,
        speedup=2,
        cold_start_s=5,
        memory_mb=500,
        size_mb=120,
    )


@pytest.fixture(scope="session")
def evidence(bundle):
    """Results of a run in which everything went well."""
    digest = folder_digest(bundle)
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


@pytest.fixture(scope="session")
def completing(evidence):
    """Results of a run of text generation in which everything went well."""
    return generation_evidence(evidence)


@pytest.fixture(scope="session")
def completing_gates():
    """Every gate of text generation, at thresholds that its evidence meets."""
    return GenerationGates(
        accuracy=0.9,
        token_f1=0.95,
        rouge_l=0.95,
        json_validity=0.98,
        slice_accuracy=0.8,
        ttft_p99_ms=5,
        tpot_p99_ms=1,
        tokens_per_second=1000,
        latency_p50_ms=5,
        latency_p90_ms=10,
        latency_p99_ms=25,
        throughput_qps=200,
        speedup=2,
        cold_start_s=5,
        memory_mb=500,
        size_mb=120,
    )


@pytest.fixture(scope="session")
def challenging(evidence):
    """The same evidence where a champion serves: as accurate, and as fast."""
    whole = evidence.evaluation.accuracy
    champion = ChampionComparison(
        name="support-intents",
        version=7,
        bundle_digest="e" * 64,
        challenger_digest=evidence.bundle_digest,
        test=paired_test_of_counts(900, 3, 3, 0.0, 0.95),
        accuracy=whole,
        champion_accuracy=whole,
    )
    speed = ChampionSpeed(bundle_digest="e" * 64, speedup=Ratio(value=1.0, low=0.97, high=1.03))
    benchmark = evidence.benchmarks[0].model_copy(update={"against_champion": speed})
    return evidence.model_copy(update={"champion": champion, "benchmarks": (benchmark,)})


@pytest.fixture(scope="session")
def judged(gates, target):
    """Judges evidence as the flow does; any field of it, and any argument of `judge`, can be replaced."""

    def run(evidence: Evidence, **replaced) -> Verdict:
        fields = {name: replaced.pop(name) for name in set(replaced) & set(Evidence.model_fields)}
        arguments = {
            "targets": [target],
            "confidence": 0.95,
            "max_accuracy_loss": 0.01,
            "if_unreadable": "replace",
        } | replaced
        return judge(arguments.pop("gates", gates), evidence.model_copy(update=fields), **arguments)

    return run


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """MLflow's tables take seconds to make and milliseconds to copy."""
    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("MLFLOW_REGISTRY_URI", raising=False)
        store = MlflowStore.of_home(home)
        store.open()
    return store.database


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql, tmp_path_factory):
    """The name of a PostgreSQL database that holds MLflow's empty tables."""
    template = postgresql.create_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", postgresql.url(template))
        patch.delenv("MLFLOW_REGISTRY_URI", raising=False)
        MlflowStore.of_home(tmp_path_factory.mktemp("template")).open()
    return template


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.postgresql])])
def home(request, tmp_path, monkeypatch):
    """A home with an empty MLflow store: the embedded one, or a database that the environment names."""
    for name in (
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT",
        "MIAOTUI_LEDGER_URI",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_database"), folder / "mlflow.db")
        yield folder
    else:
        cluster = request.getfixturevalue("postgresql")
        database = cluster.create_database(request.getfixturevalue("migrated_postgresql"))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", cluster.url(database))
        monkeypatch.setenv("MIAOTUI_LEDGER_URI", cluster.url(database))
        yield folder
        cluster.drop_database(database)


@pytest.fixture
def tracker(home):
    """A started run."""
    tracker = RunTracker(home, "support-intents")
    tracker.start("night", {"seed": 0}, {})
    return tracker


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
