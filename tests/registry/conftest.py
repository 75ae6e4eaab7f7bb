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
from tasks.families.classification.recipe import Gates
from tasks.families.generation.recipe import GenerationGates
from tasks.recipe import Target
from tasks.records import (
    ChampionComparison,
    ChampionSpeed,
    Ratio,
)
from tasks.statistics.paired_test import paired_test_of_counts
from tests.registry.classified import classification_evidence
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
    return classification_evidence(folder_digest(bundle))


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
