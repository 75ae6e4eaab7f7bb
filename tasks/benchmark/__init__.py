"""The benchmark on target: MLPerf LoadGen scenarios, cold start, memory and an interleaved comparison.

All measuring is done by child processes pinned to the target's CPUs (`child`, `cold_start`); this process only starts
them and turns their raw latencies into evidence.
"""

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.step import bench_bundle, run_benchmark

__all__ = ["BenchmarkError", "bench_bundle", "run_benchmark"]
