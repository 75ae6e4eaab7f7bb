"""What a target measured, as a report shows it."""

import random

from tasks.records import (
    BenchmarkResult,
    Contender,
    Host,
    Percentile,
    Ratio,
    Scenario,
)
from tests.registry.measured import ratio

BUNDLE = "b1" * 32
PATHS = ("lexical", "layer-1", "layer-2", "layer-3", "full")


def latencies(queries: int = 1500) -> tuple[float, ...]:
    chance = random.Random(7)
    times = []
    for index in range(queries):
        base = chance.choices((0.14, 1.0, 1.8, 2.6, 4.8), weights=(56, 8, 9, 7, 20))[0]
        slow = 6.0 if 900 < index < 915 and chance.random() < 0.3 else 1.0
        times.append(base * chance.lognormvariate(0, 0.09) * slow)
    return tuple(times)


def scenarios(times: tuple[float, ...]) -> tuple[Scenario, ...]:
    ordered = sorted(times)

    def percentiles(stretch: float) -> tuple[Percentile, ...]:
        return tuple(
            Percentile(
                percentile=p,
                value_ms=stretch * ordered[int(p / 100 * len(ordered))],
                upper_bound_ms=stretch * ordered[min(len(ordered) - 1, int((p + 0.6) / 100 * len(ordered)))],
                missing=0,
            )
            for p in (50.0, 90.0, 99.0)
        )

    mean = sum(times) / len(times)
    common = {"queries": len(times), "valid": True, "validity": "VALID", "errors": 0}
    return (
        Scenario(
            name="SingleStream",
            qps=1000 / mean,
            target_qps=None,
            latency_bound_ms=None,
            mean_ms=mean,
            percentiles=percentiles(1),
            **common,
        ),
        Scenario(
            name="Offline", qps=1120, target_qps=None, latency_bound_ms=None, mean_ms=0.89, percentiles=(), **common
        ),
        Scenario(
            name="Server",
            qps=412,
            target_qps=420,
            latency_bound_ms=25,
            mean_ms=2 * mean,
            percentiles=percentiles(1.9),
            **common,
        ),
    )


def benchmark(target: str = "local-cpu") -> BenchmarkResult:
    times = latencies()
    return BenchmarkResult(
        target=target,
        host=Host(
            cpu="AMD EPYC 7B13 64-Core Processor",
            instruction_set=("sse4_2", "avx", "avx2", "fma"),
            cores=2,
            memory_gb=15.6,
            accelerator=None,
            runtimes={"onnxruntime-gpu": "1.31.0", "numpy": "2.4.1", "tokenizers": "0.22.1"},
        ),
        bundle_digest=BUNDLE,
        execution_providers=("CPUExecutionProvider",),
        cold_start_s=0.61,
        first_answer_ms=7.9,
        peak_memory_mb=231.4,
        size_mb=24.6,
        scenarios=scenarios(times),
        sustained_qps=420.0,
        contenders=(
            Contender(name="adaptive", mean_ms=1.52, p50_ms=0.15, p99_ms=5.9, speedup=ratio(3.04)),
            Contender(name="static-int8", mean_ms=4.62, p50_ms=4.51, p99_ms=6.2, speedup=ratio(1.0, 0.004)),
            Contender(name="static-fp32", mean_ms=8.31, p50_ms=8.12, p99_ms=10.4, speedup=ratio(0.556)),
        ),
        stop_shares=dict(zip(PATHS, (0.561, 0.079, 0.093, 0.071, 0.196), strict=True)),
        latencies_ms=times,
        noise=Ratio(value=1.003, low=0.985, high=1.021),
    )
