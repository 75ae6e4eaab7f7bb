"""The few numbers by which nights are compared: the same names on every parent run and on every logged model."""

from collections.abc import Iterator

from registry.evidence import Evidence, chosen_certificate
from registry.flatten import numbered, safe_key
from registry.gates import ADAPTIVE_CONTENDER
from tasks.records import (
    BenchmarkResult,
    Contender,
    Percentile,
    Scenario,
    TokenLatency,
    TokenServer,
)


def headline_metrics(evidence: Evidence) -> dict[str, float]:
    """Accuracy, cost and speed by stable names; speed under the target's name. What was not measured has no entry."""
    metrics = dict(_accuracy(evidence))
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


def _accuracy(evidence: Evidence) -> Iterator[tuple[str, float]]:
    evaluation = evidence.evaluation
    # Also under the name by which models of this kind are compared elsewhere, such as `exact_match`.
    for name in dict.fromkeys(("accuracy", evidence.account.accuracy.replace(" ", "_"))):
        yield name, evaluation.accuracy.value
        yield f"{name}_low", evaluation.accuracy.low
    yield "reference_accuracy", evaluation.reference_accuracy.value
    yield "static_accuracy", evaluation.static_accuracy.value
    yield "accuracy_loss", evaluation.reference.loss
    for figure in evaluation.figures:
        numbers = figure.numbers
        yield from ((numbered(figure.name, each), numbers[each]) for each in figure.headline if each in numbers)


def _speed(benchmark: BenchmarkResult) -> Iterator[tuple[str, float]]:
    for scenario in benchmark.scenarios:
        yield f"{_snake(scenario)}_qps", scenario.qps
        for percentile in scenario.percentiles:
            yield from _percentile(_snake(scenario), percentile)
    if benchmark.sustained_qps is not None:
        yield "sustained_qps", benchmark.sustained_qps
    if contender := adaptive_contender(benchmark):
        yield "speedup", contender.speedup.value
        yield "speedup_low", contender.speedup.low
    if benchmark.tokens is not None:
        yield from _token_percentiles("", benchmark.tokens)
        yield "tokens_per_second", benchmark.tokens.tokens_per_second
    if benchmark.token_server is not None:
        yield from _token_percentiles("server_", benchmark.token_server)
        if (sustained := benchmark.token_server.sustained_tokens_per_second) is not None:
            yield "sustained_tokens_per_second", sustained
    if against := benchmark.against_champion:
        yield "speedup_over_champion", against.speedup.value
        yield "speedup_over_champion_low", against.speedup.low
    if disturbance := benchmark.disturbance:
        yield "disturbance", disturbance.share
    yield "cold_start_s", benchmark.cold_start_s
    yield "peak_memory_mb", benchmark.peak_memory_mb
    yield "noise", benchmark.noise.value


def _token_percentiles(prefix: str, tokens: TokenLatency | TokenServer) -> Iterator[tuple[str, float]]:
    for name, percentiles in (("ttft", tokens.first), ("tpot", tokens.further)):
        for percentile in percentiles:
            yield from _percentile(f"{prefix}{name}", percentile)


def _percentile(of: str, percentile: Percentile) -> Iterator[tuple[str, float]]:
    name = f"{of}_p{percentile.percentile:g}"
    yield f"{name}_ms", percentile.value_ms
    if percentile.upper_bound_ms is not None:
        yield f"{name}_upper_bound_ms", percentile.upper_bound_ms


def _snake(scenario: Scenario) -> str:
    return {"SingleStream": "single_stream", "Offline": "offline", "Server": "server"}[scenario.name]
