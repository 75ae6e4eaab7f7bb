"""The whole benchmark with the real child, the real LoadGen and a model that only sleeps."""

import textwrap
from pathlib import Path

import pytest

from engine.digests import folder_digest
from tasks.artifact import Artifact, Workspace
from tasks.benchmark import BenchmarkError, bench_bundle, run_benchmark, step
from tasks.benchmark.job import Measurements
from tasks.benchmark.order import static_contenders
from tasks.data.rows import Row, write_row_file
from tasks.errors import UserError
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult, CompressionResult, RouterResult, SnapshotResult

SCRIPTS = Path(step.__file__).parent
TEXTS = [f"{'long' if number % 10 == 0 else 'short'} {number}" for number in range(60)]
CONFIG = BenchmarkConfig(queries=120, interleaved_repeats=3, retries=0)
HERE = Target(name="here")

# What a child sees in place of the engine's models; `threads` and the like are checked by their presence.
FAKE_ENGINE = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
import engine
from engine.digests import folder_digest
from engine.errors import BundleError

@dataclass
class Answer:
    path: str

class Fake:
    paths = ("lexical", "full")
    execution_providers = ("CPUExecutionProvider",)
    operating_point = "1%"
    def __init__(self, ms, digest=""):
        self.ms, self.digest = ms, digest
    def predict(self, texts):
        if texts[0].startswith("beyond"):
            return [Answer("")]
        long = texts[0].startswith("long")
        time.sleep(self.ms / 1e3)
        return [Answer("full" if long else "lexical")]

class Adaptive:
    @staticmethod
    def load(folder, *, threads, execution_provider, operating_point=None):
        if not folder.is_dir():
            raise BundleError(f"{folder}: no manifest.json here")
        return Fake(float((folder / "ms").read_text()), folder_digest(folder))

    @classmethod
    def type_in(cls, folder):
        return cls
    @staticmethod
    def static(graph, folder, *, threads, execution_provider):
        return Fake(float(graph.read_text()))

engine.AdaptiveModel = Adaptive
"""


@pytest.fixture
def fake_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real scripts, run after the engine's models have been replaced."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name in ("child.py", "cold_start.py"):
        run_real = f"\nimport runpy\nrunpy.run_path({str(SCRIPTS / name)!r}, run_name='__main__')\n"
        forbidden = "\nassert not {'torch', 'transformers', 'scipy', 'mlflow', 'prefect'} & set(sys.modules)\n"
        (folder / name).write_text(FAKE_ENGINE + run_real + forbidden, encoding="utf-8")
    monkeypatch.setattr(step, "_SCRIPTS", folder)
    return folder


def make_bundle(folder: Path, ms: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "ms").write_text(str(ms), encoding="utf-8")
    return folder


def bench(tmp_path: Path, bundle: Path, **options: object) -> BenchmarkResult:
    settings = {"against": None, "config": CONFIG, "target": HERE, "workspace_folder": tmp_path / "work", **options}
    return bench_bundle(bundle, TEXTS, **settings)  # type: ignore[arg-type]


def test_two_bundles_are_compared_and_all_evidence_is_there(tmp_path: Path, fake_scripts: Path) -> None:
    bundle, other = make_bundle(tmp_path / "bundle", 1.0), make_bundle(tmp_path / "other", 3.0)
    told: list[str] = []

    result = bench(tmp_path, bundle, against=other, progress=lambda message, _fraction: told.append(message))

    assert result.bundle_digest == folder_digest(bundle)
    assert result.execution_providers == ("CPUExecutionProvider",)
    assert result.operating_point == "1%"
    assert result.stop_shares == {"lexical": 0.9, "full": 0.1}
    single, offline, server = result.scenarios
    assert [scenario.name for scenario in result.scenarios] == ["SingleStream", "Offline", "Server"]
    assert (single.queries, offline.queries, server.queries) == (120, 60, 120)
    assert single.percentiles[2].missing == 662 - 120
    assert not single.valid
    assert "662" in single.validity
    assert offline.valid
    assert offline.percentiles == ()
    assert offline.qps > single.qps
    assert server.target_qps == pytest.approx(offline.qps / 4)
    assert server.rate == "a quarter of the capacity, no rate having been sustained"
    assert server.latency_bound_ms == CONFIG.server_latency_ms
    assert result.sustained_qps is None  # 120 queries prove no 99th percentile
    adaptive, against = result.contenders
    assert (adaptive.name, against.name) == ("adaptive", "against")
    assert 1.2 < adaptive.speedup.value < 6  # 1 ms against 3 ms, asleep on a busy machine
    assert against.speedup.value == pytest.approx(1.0)
    assert 0.5 < result.noise.value < 2
    assert len(result.latencies_ms) == 120
    assert result.first_answer_ms > 0
    assert 0 < result.cold_start_s < 30
    assert 5 < result.peak_memory_mb < 1000
    assert "interleaved comparison" in told

    out = tmp_path / "work" / "out"
    assert Measurements.model_validate_json((out / "measurements.json").read_bytes()).unanswered == 0
    assert "Scenario : Server" in (out / "loadgen" / "Server" / "mlperf_log_summary.txt").read_text(encoding="utf-8")


def test_refused_texts_are_counted_and_are_neither_timed_nor_a_first_answer(tmp_path: Path, fake_scripts: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", 4.0)
    texts = [f"{'beyond' if number % 2 == 0 else 'short'} {number}" for number in range(40)]

    result = bench_bundle(bundle, texts, against=bundle, config=CONFIG, target=HERE, workspace_folder=tmp_path / "work")

    assert (result.inputs, result.unanswered) == (40, 20)
    assert result.first_answer_ms >= 4
    assert min(result.latencies_ms) >= 4
    assert all(contender.mean_ms >= 4 for contender in result.contenders)
    assert [scenario.errors for scenario in result.scenarios] == [0, 0, 0]
    assert result.scenarios[1].queries == 20


def compressed(folder: Path, *, precision: str, static: str, reference: str) -> Artifact[CompressionResult]:
    result = CompressionResult.model_construct(
        static_monolith=static, static_precision=precision, reference_monolith=reference
    )
    return Artifact("compression", folder, "digest", result)


@pytest.fixture
def step_inputs(tmp_path: Path) -> tuple[Artifact[SnapshotResult], Artifact[RouterResult], Artifact[CompressionResult]]:
    """A gate split, a bundle of half a millisecond, and static models of two and four."""
    bundle = make_bundle(tmp_path / "router" / "bundle", 0.5)
    write_row_file(tmp_path / "gate.jsonl", [Row(text, "label") for text in TEXTS])
    (tmp_path / "int8.onnx").write_text("2.0", encoding="utf-8")
    (tmp_path / "fp32.onnx").write_text("4.0", encoding="utf-8")
    (tmp_path / "out").mkdir()
    router = RouterResult.model_construct(bundle_digest=folder_digest(bundle))
    return (
        Artifact("snapshot", tmp_path, "digest", SnapshotResult.model_construct()),
        Artifact("router", tmp_path / "router", "digest", router),
        compressed(tmp_path, precision="dynamic-int8", static="int8.onnx", reference="fp32.onnx"),
    )


@pytest.mark.slow
def test_step_measures_the_bundle_against_the_static_models_it_came_from(
    tmp_path: Path,
    fake_scripts: Path,
    step_inputs: tuple[Artifact[SnapshotResult], Artifact[RouterResult], Artifact[CompressionResult]],
) -> None:
    workspace = Workspace(tmp_path / "out", tmp_path / "scratch")
    champion = make_bundle(tmp_path / "champion", 1.5)

    result = run_benchmark(
        *step_inputs, config=CONFIG, champion=champion, server_qps=150.0, target=HERE, workspace=workspace
    )

    names = [contender.name for contender in result.contenders]
    assert names == ["adaptive", "static-int8", "static-fp32", "champion"]
    assert result.against_champion is not None
    assert result.against_champion.bundle_digest == folder_digest(champion)
    assert result.against_champion.speedup.value > 1.1  # asleep for half a millisecond against one and a half
    adaptive, int8, fp32 = (contender.speedup.value for contender in result.contenders[:3])
    assert adaptive > 1.5 > int8 > fp32
    assert int8 == pytest.approx(1.0)
    assert result.scenarios[2].target_qps == 150.0


def test_step_refuses_evidence_about_other_bytes_than_calibration_sealed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step_inputs: tuple[Artifact[SnapshotResult], Artifact[RouterResult], Artifact[CompressionResult]],
) -> None:
    measured = BenchmarkResult.model_construct(bundle_digest="another-digest")
    monkeypatch.setattr(step, "_measured", lambda *_args, **_options: measured)
    workspace = Workspace(tmp_path / "out", tmp_path / "scratch")

    with pytest.raises(BenchmarkError, match="measured another-digest, but calibration sealed"):
        run_benchmark(*step_inputs, config=CONFIG, champion=None, server_qps=None, target=HERE, workspace=workspace)


@pytest.mark.parametrize(
    ("precision", "static", "reference", "names"),
    [
        ("static-int8", "int8.onnx", "fp32.onnx", ["static-int8", "static-fp32"]),
        ("fp32", "fp32.onnx", "fp32.onnx", ["static-fp32"]),
        ("fp32", "pruned.onnx", "fp32.onnx", ["static-fp32", "reference-fp32"]),
    ],
)
def test_contenders_are_named_by_precision_and_never_measured_twice(
    tmp_path: Path, precision: str, static: str, reference: str, names: list[str]
) -> None:
    compression = compressed(tmp_path, precision=precision, static=static, reference=reference)

    assert [files.name for files in static_contenders(tmp_path, compression)] == names


def test_another_provider_than_the_targets_is_an_error_that_names_both(tmp_path: Path, fake_scripts: Path) -> None:
    target = Target(name="gpu", execution_provider="CUDAExecutionProvider")

    with pytest.raises(UserError, match=r"'gpu' asks for CUDAExecutionProvider.*run on CPUExecutionProvider"):
        bench(tmp_path, make_bundle(tmp_path / "bundle", 0.1), target=target)


def test_what_the_engine_refuses_is_a_user_error_in_its_words(tmp_path: Path, fake_scripts: Path) -> None:
    with pytest.raises(UserError, match=r"absent: no manifest.json here"):
        bench(tmp_path, tmp_path / "absent")


def test_no_texts_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give at least one row"):
        bench_bundle(
            tmp_path / "bundle", [], against=None, config=CONFIG, target=HERE, workspace_folder=tmp_path / "work"
        )


def test_crash_of_the_child_leaves_no_result(tmp_path: Path, fake_scripts: Path) -> None:
    (fake_scripts / "child.py").write_text("import os; os.abort()", encoding="utf-8")

    with pytest.raises(BenchmarkError, match="SIGABRT"):
        bench(tmp_path, make_bundle(tmp_path / "bundle", 0.1))
    assert list((tmp_path / "work" / "out").iterdir()) == []


def test_model_that_answers_nothing_is_an_error_and_not_a_fast_model(tmp_path: Path, fake_scripts: Path) -> None:
    script = fake_scripts / "child.py"
    raising = textwrap.dedent("""
        def fail(self, texts):
            raise RuntimeError("no answer")
        Fake.predict = fail
    """)
    source = script.read_text(encoding="utf-8").replace("\nimport runpy", f"{raising}\nimport runpy")
    script.write_text(source, encoding="utf-8")

    with pytest.raises(BenchmarkError, match=r"answered none of 60 inputs: RuntimeError\('no answer'\)"):
        bench(tmp_path, make_bundle(tmp_path / "bundle", 0.1))


@pytest.mark.slow
def test_real_bundle_answers_every_query_and_is_as_fast_as_its_picture_says(tmp_path: Path, tiny_bundle: Path) -> None:
    config = BenchmarkConfig(queries=700, interleaved_repeats=3, retries=0)

    result = bench_bundle(
        tiny_bundle,
        ["move money from savings to checking", "what is my balance", "bonjour"] * 20,
        against=tiny_bundle,
        config=config,
        target=HERE,
        workspace_folder=tmp_path / "work",
    )

    assert result.bundle_digest == folder_digest(tiny_bundle)
    assert result.size_mb == pytest.approx(sum(f.stat().st_size for f in tiny_bundle.rglob("*") if f.is_file()) / 1e6)
    assert sum(result.stop_shares.values()) == pytest.approx(1.0)
    single = result.scenarios[0]
    assert single.valid
    assert single.errors == 0
    assert single.percentiles[2].upper_bound_ms is not None
    assert min(result.latencies_ms) <= single.percentiles[0].value_ms <= single.percentiles[2].value_ms
    assert result.sustained_qps is not None
    assert 0.2 < result.contenders[0].speedup.value < 5  # the same bytes, on a machine that may be busy
