"""The few numbers by which nights are compared: the same names on every parent run and on every logged model."""

from collections.abc import Iterator

from registry.evidence import Evidence, chosen_certificate
from registry.flatten import safe_key
from registry.gates import ADAPTIVE_CONTENDER
from tasks.records import BenchmarkResult, Contender, EvaluationResult, Percentile, Scenario


def headline_metrics(evidence: Evidence) -> dict[str, float]:
    """Accuracy, cost and speed by stable names; speed under the target's name."""
    metrics = dict(_accuracy(evidence.evaluation))
    certificate = chosen_certificate(evidence.router)
    if certificate is not None:
        metrics["certificate/epsilon"] = certificate.epsilon
        metrics["certificate/loss_upper_bound"] = certificate.test.upper_bound
        metrics["certificate/p_value"] = certificate.test.p_value
    metrics["cost/expected_ms"] = evidence.router.expected_cost_ms
    metrics["cost/static_ms"] = evidence.router.static_cost_ms
    metrics["size_mb"] = evidence.router.size_mb
    for path in evidence.evaluation.paths:
        metrics[f"stop_share/{safe_key(path.name)}"] = path.stop_share
    if champion := evidence.champion:
        metrics["champion/accuracy"] = champion.champion_accuracy.value
        metrics["champion/accuracy_loss"] = champion.test.loss
        metrics["champion/accuracy_loss_upper_bound"] = champion.test.upper_bound
    for benchmark in evidence.benchmarks:
        metrics |= {f"{safe_key(benchmark.target)}/{name}": value for name, value in _speed(benchmark)}
    return metrics


def adaptive_contender(benchmark: BenchmarkResult) -> Contender | None:
    """The router's own row of the interleaved comparison."""
    return next((entry for entry in benchmark.contenders if entry.name == ADAPTIVE_CONTENDER), None)


def _accuracy(evaluation: EvaluationResult) -> Iterator[tuple[str, float]]:
    yield "accuracy", evaluation.accuracy.value
    yield "accuracy_low", evaluation.accuracy.low
    yield "in_scope_accuracy", evaluation.in_scope_accuracy.value
    yield "in_scope_accuracy_low", evaluation.in_scope_accuracy.low
    yield "reference_accuracy", evaluation.reference_accuracy.value
    yield "static_accuracy", evaluation.static_accuracy.value
    yield "accuracy_loss", evaluation.reference.loss
    yield "macro_f1", evaluation.macro_f1
    yield "expected_calibration_error", evaluation.expected_calibration_error
    if evaluation.out_of_scope_recall is not None:
        yield "out_of_scope_recall", evaluation.out_of_scope_recall.value
    if evaluation.out_of_scope_auroc is not None:
        yield "out_of_scope_auroc", evaluation.out_of_scope_auroc


def _speed(benchmark: BenchmarkResult) -> Iterator[tuple[str, float]]:
    for scenario in benchmark.scenarios:
        yield f"{_snake(scenario)}_qps", scenario.qps
        for percentile in scenario.percentiles:
            yield from _latency(scenario, percentile)
    if benchmark.sustained_qps is not None:
        yield "sustained_qps", benchmark.sustained_qps
    if contender := adaptive_contender(benchmark):
        yield "speedup", contender.speedup.value
        yield "speedup_low", contender.speedup.low
    if against := benchmark.against_champion:
        yield "speedup_over_champion", against.speedup.value
        yield "speedup_over_champion_low", against.speedup.low
    if disturbance := benchmark.disturbance:
        yield "disturbance", disturbance.share
    yield "cold_start_s", benchmark.cold_start_s
    yield "peak_memory_mb", benchmark.peak_memory_mb
    yield "noise", benchmark.noise.value


def _latency(scenario: Scenario, percentile: Percentile) -> Iterator[tuple[str, float]]:
    name = f"{_snake(scenario)}_p{percentile.percentile:g}"
    yield f"{name}_ms", percentile.value_ms
    if percentile.upper_bound_ms is not None:
        yield f"{name}_upper_bound_ms", percentile.upper_bound_ms


def _snake(scenario: Scenario) -> str:
    return {"SingleStream": "single_stream", "Offline": "offline", "Server": "server"}[scenario.name]
