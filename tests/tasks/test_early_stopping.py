"""The early-stopping percentile against the numbers and the program of MLPerf LoadGen."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tasks.statistics.early_stopping import allowed_over_latency, latency_percentile, queries_needed

# A SingleStream run of 700 queries that take random times; its trace holds every latency.
LOADGEN_RUN = """
import array, random, sys, time
import mlperf_loadgen as lg
buffer = array.array("B", b"0000"); address, length = buffer.buffer_info()
times = random.Random(5)
def issue(queries):
    for query in queries:
        end = time.perf_counter() + times.expovariate(1 / 0.0002)
        while time.perf_counter() < end:
            pass
        lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, address, length)])
settings = lg.TestSettings()
settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
settings.single_stream_target_latency_percentile, settings.single_stream_expected_latency_ns = 0.9, 1000
settings.min_duration_ms = settings.max_duration_ms = 0
settings.min_query_count = settings.max_query_count = 700
log = lg.LogSettings()
log.enable_trace, log.log_output.outdir, log.log_output.copy_summary_to_stdout = True, sys.argv[1], False
sut, qsl = lg.ConstructSUT(issue, lambda: None), lg.ConstructQSL(8, 8, lambda s: None, lambda s: None)
lg.StartTestWithLogSettings(sut, qsl, settings, log)
"""


def test_estimates_equal_those_that_loadgen_prints(tmp_path):
    subprocess.run([sys.executable, "-c", LOADGEN_RUN, str(tmp_path)], check=True, timeout=120)
    trace = (tmp_path / "mlperf_log_trace.json").read_text()
    summary = (tmp_path / "mlperf_log_summary.txt").read_text()
    times = re.findall(r'"issue_start_ns":(\d+),"complete_ns":(\d+)', trace)
    latencies = [int(end) - int(start) for start, end in times]
    assert len(latencies) == 700
    for percentile in (0.9, 0.99):
        ours = latency_percentile(latencies, percentile)
        name = f"{100 * percentile:.1f}th percentile estimate: "
        assert ours.upper_bound_ms == int(re.search(re.escape(name) + r"(\d+)", summary)[1])
        name = f"{100 * percentile:.2f} percentile latency (ns)"
        assert ours.value_ms == int(re.search(re.escape(name) + r"\s*: (\d+)", summary)[1])


def test_queries_needed_are_those_of_loadgen():
    assert queries_needed(0.90) == 64
    assert queries_needed(0.99) == 662
    # A Server run in which 4 queries missed the bound: LoadGen asked for 562 more after 595.
    assert queries_needed(0.99, over_latency=4) == 595 + 562
    assert queries_needed(0.99, over_latency=0) == 459


def test_too_few_queries_say_how_many_are_missing():
    answer = latency_percentile(np.linspace(1, 2, 500), 0.99)
    assert answer.upper_bound_ms is None
    assert answer.missing == 162
    assert answer.value_ms == pytest.approx(1 + 495 / 499)


def test_the_smallest_sufficient_sample_is_bounded_by_its_slowest_query():
    answer = latency_percentile(np.arange(662.0), 0.99)
    assert (answer.upper_bound_ms, answer.missing) == (661.0, 0)


@settings(deadline=None)
@given(
    n=st.integers(1, 5000), percentile=st.sampled_from([0.5, 0.9, 0.97, 0.99, 0.999]), confidence=st.floats(0.6, 0.999)
)
def test_allowed_over_latency_is_the_largest_by_definition(n, percentile, confidence):
    t = allowed_over_latency(n, percentile, confidence)
    assert t == -1 or binom.cdf(t, n, 1 - percentile) <= 1 - confidence + 1e-12
    assert binom.cdf(t + 1, n, 1 - percentile) > 1 - confidence - 1e-12
    assert (t >= 1) == (n >= queries_needed(percentile, confidence))


def test_the_bound_holds_in_99_of_100_samples():
    rng = np.random.default_rng(3)
    true_p90 = -np.log(0.1)
    bounds = [latency_percentile(rng.exponential(size=400), 0.9).upper_bound_ms for _ in range(1500)]
    assert np.mean(np.array(bounds) < true_p90) <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 1500)


@pytest.mark.parametrize("latencies", [[], [1.0, np.nan], [1.0, np.inf], [-1.0], [[1.0]]])
def test_impossible_latencies_are_refused(latencies):
    with pytest.raises(ValueError):
        latency_percentile(latencies, 0.99)


def test_a_percentile_in_percent_is_refused():
    with pytest.raises(ValueError, match="a fraction"):
        latency_percentile([1.0], 99)
