"""One MLPerf LoadGen run (Reddi et al., "MLPerf Inference Benchmark", ISCA 2020) against a model in this process."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlperf_loadgen

from tasks.benchmark.job import LoadRun, ScenarioName
from tasks.benchmark.load_log import read_run, read_token_run
from tasks.benchmark.streaming_system import StreamingSystem
from tasks.benchmark.system_under_test import Model, SystemUnderTest, nothing
from tasks.benchmark.tokens import StreamedTexts, StreamingModel

PERCENTILE: Final = 0.99
"""The percentile that LoadGen itself judges, for the Server's bound and for early stopping."""

# Any fixed numbers do: the same inputs in the same order, arriving at the same (scaled) times, in every benchmark.
_LIBRARY_SEED: Final = 20_011
_SAMPLE_SEED: Final = 20_021
_SCHEDULE_SEED: Final = 20_023


@dataclass(frozen=True, slots=True)
class Load:
    """What LoadGen is to send: `queries` one after another, all at once, or at Poisson times.

    `expected_latency_ms` (SingleStream) must be at or below the truth, or LoadGen runs out of prepared queries.
    `target_qps` and `latency_bound_ms` belong to Server. A Server whose answers are streamed has `ttft_bound_ms` and
    `tpot_bound_ms` instead of the latter: LoadGen judges a run by whole answers or by tokens, never by both.
    """

    scenario: ScenarioName
    queries: int
    expected_latency_ms: float | None = None
    target_qps: float | None = None
    latency_bound_ms: float | None = None
    ttft_bound_ms: float | None = None
    tpot_bound_ms: float | None = None


def generate_load(
    load: Load,
    model: Model,
    texts: Sequence[str],
    *,
    workers: int,
    folder: Path,
    answered: Callable[[], None] = nothing,
) -> LoadRun:
    """Runs one scenario over `texts`, drawn by LoadGen's seeded index; logs go to `folder`, which is emptied before.

    SingleStream is answered in the issuing thread, the other scenarios by `workers` threads; `answered` as in SystemUnderTest.
    """
    in_callback = load.scenario == "SingleStream"
    system = SystemUnderTest(model, texts, workers=0 if in_callback else workers, answered=answered)
    _send(load, system, len(texts), folder)
    return read_run(
        folder, load.scenario, errors=system.errors, target_qps=load.target_qps, latency_bound_ms=load.latency_bound_ms
    )


def generate_token_load(
    load: Load,
    model: StreamingModel,
    texts: StreamedTexts,
    *,
    workers: int,
    folder: Path,
    answered: Callable[[], None] = nothing,
) -> LoadRun:
    """Runs a Server scenario whose answers are streamed: LoadGen's verdict is on both token bounds, at the 99th percentile."""
    system = StreamingSystem(model, texts, workers=workers, answered=answered)
    _send(load, system, len(texts.texts), folder)
    run = read_run(folder, load.scenario, errors=system.errors, target_qps=load.target_qps, latency_bound_ms=None)
    tokens = read_token_run(folder, texts.tokens)
    return run.model_copy(
        update={"tokens": tokens, "ttft_bound_ms": load.ttft_bound_ms, "tpot_bound_ms": load.tpot_bound_ms}
    )


def _send(load: Load, system: SystemUnderTest, texts: int, folder: Path) -> None:
    """One run of LoadGen against a system that answers about so many `texts`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with system:
        sut = mlperf_loadgen.ConstructSUT(system.issue, system.flush)
        library = mlperf_loadgen.ConstructQSL(texts, texts, _nothing_to_load, _nothing_to_load)
        try:
            # The name of an audit file that is not there: LoadGen would take one it finds in the current folder.
            no_audit = str(folder / "no-audit.config")
            mlperf_loadgen.StartTestWithLogSettings(sut, library, _test_settings(load), _log_settings(folder), no_audit)
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroySUT(sut)


def _test_settings(load: Load) -> "mlperf_loadgen.TestSettings":
    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, load.scenario)
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.qsl_rng_seed = _LIBRARY_SEED
    settings.sample_index_rng_seed = _SAMPLE_SEED
    settings.schedule_rng_seed = _SCHEDULE_SEED
    # The number of queries alone ends a run: it is what a percentile's bound needs, and it bounds the time as well.
    settings.min_duration_ms = 0
    settings.max_duration_ms = 0
    settings.min_query_count = load.queries
    if load.expected_latency_ms is not None:
        settings.single_stream_expected_latency_ns = max(1, int(load.expected_latency_ms * 1e6))
        settings.single_stream_target_latency_percentile = PERCENTILE
    if load.target_qps is not None:
        settings.server_target_qps = load.target_qps
        settings.server_target_latency_percentile = PERCENTILE
    if load.latency_bound_ms is not None:
        settings.server_target_latency_ns = int(load.latency_bound_ms * 1e6)
    if load.ttft_bound_ms is not None and load.tpot_bound_ms is not None:
        settings.use_token_latencies = True
        settings.ttft_latency = int(load.ttft_bound_ms * 1e6)
        settings.tpot_latency = int(load.tpot_bound_ms * 1e6)
    return settings


def _log_settings(folder: Path) -> "mlperf_loadgen.LogSettings":
    settings = mlperf_loadgen.LogSettings()
    settings.enable_trace = True
    # The default mode formats the trace once a second on a thread of its own, in the middle of the measurement.
    settings.log_mode = mlperf_loadgen.LoggingMode.EndOfTestOnly
    settings.log_output.outdir = str(folder)
    settings.log_output.copy_summary_to_stdout = False
    return settings


def _nothing_to_load(_indices: list[int]) -> None:
    """LoadGen's callbacks around a set of samples: all texts are in memory already."""
