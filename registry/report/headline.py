"""The top of the page: the verdict in words, the six numbers people ask for first, the checks in order of urgency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.checks import Check, Outcome, Verdict
from registry.evidence import chosen_certificate
from registry.report.content import ReportContent
from registry.report.formatting import clipped
from registry.report.latency import single_stream_percentiles
from tasks.formatting import (
    NOT_MEASURED,
    budget,
    is_measured,
    megabytes,
    milliseconds,
    number,
    percent,
    percent_range,
    with_unit,
)
from tasks.records import Percentile

_PROBLEM: Final = {Outcome.INVALID: "invalid", Outcome.FAIL: "failed", Outcome.INCONCLUSIVE: "inconclusive"}
_MOST_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the overview: what it is, its value, and what it is measured against."""

    label: str
    value: str
    detail: str


def headline(content: ReportContent) -> str:
    """What the verdict means, in one or two sentences."""
    override = f" {content.override}." if content.override else ""
    return (_problems(content.verdict) if content.verdict.outcome is not Outcome.PASS else _promise(content)) + override


def _promise(content: ReportContent) -> str:
    contender, certificate = content.adaptive, chosen_certificate(content.evidence.router)
    sentences = []
    if contender and is_measured(contender.speedup.value):
        target = content.evidence.benchmarks[0].target
        sentences.append(f"Answers {contender.speedup.value:.1f} times faster than the best static model on {target}.")
    if certificate and certificate.certified:
        sentences.append(
            f"With {budget(certificate.confidence)} confidence it loses at most {budget(certificate.epsilon)} accuracy "
            "against the full-precision fine-tuned model."
        )
        sentences += [certificate.promise] if certificate.promise else []
    if content.evidence.champion and is_measured(content.evidence.champion.test.upper_bound):
        bound = max(0.0, content.evidence.champion.test.upper_bound)
        sentences.append(
            f"Against the champion {content.evidence.champion.uri} it loses at most {percent(bound, 2)} accuracy."
        )
    return " ".join(sentences) or "Every gate of the recipe is met."


def _problems(verdict: Verdict) -> str:
    parts = []
    for outcome, word in _PROBLEM.items():
        names = [clipped(check.name) for check in verdict.decisive if check.outcome is outcome]
        if names:
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            parts.append(
                f"{len(names)} of {len(verdict.checks)} checks {word}: {', '.join(names[:_MOST_NAMED])}{more}."
            )
    if not verdict.checks:
        parts.append("Nothing was judged.")
    return " ".join([*parts, "Only PASS moves the champion."])


def checks_by_urgency(checks: Sequence[Check]) -> list[Check]:
    """Invalid and failed checks first, passed ones last; otherwise in their own order."""
    return sorted(checks, key=lambda check: -check.outcome.severity)


def tiles(content: ReportContent) -> list[Tile]:
    """The overview."""
    return [
        _speed(content),
        _loss(content),
        _accuracy(content),
        _tail_latency(content),
        _throughput(content),
        _size(content),
        *_tokens(content),
    ]


def _speed(content: ReportContent) -> Tile:
    contender = content.adaptive
    label = "faster than static"
    if contender is None or not is_measured(contender.speedup.value):
        return Tile(label, NOT_MEASURED, content.evidence.compression.static_precision)
    interval = f"{contender.speedup.low:.2f}–{contender.speedup.high:.2f}"
    detail = (
        f"{interval} against {content.evidence.compression.static_precision}; mean {milliseconds(contender.mean_ms)}"
    )
    return Tile(label, f"{contender.speedup.value:.2f}×", detail)


def _loss(content: ReportContent) -> Tile:
    certificate = chosen_certificate(content.evidence.router)
    if certificate is None or not is_measured(certificate.test.upper_bound):
        return Tile("accuracy lost, at most", NOT_MEASURED, "no certificate")
    promise = (
        f"promised {budget(certificate.epsilon)}"
        if certificate.certified
        else f"{budget(certificate.epsilon)} not certified"
    )
    detail = f"{promise}, {budget(certificate.confidence)} confidence"
    return Tile("accuracy lost, at most", percent(certificate.test.upper_bound, 2), detail)


def _accuracy(content: ReportContent) -> Tile:
    routed, reference = content.evidence.evaluation.accuracy, content.evidence.evaluation.reference_accuracy
    detail = f"{percent_range(routed.low, routed.high)}; reference {percent(reference.value)}"
    return Tile(f"{content.evidence.account.accuracy} on gate", percent(routed.value), detail)


def _tail_latency(content: ReportContent) -> Tile:
    percentiles = single_stream_percentiles(content.evidence.benchmarks[0]) if content.evidence.benchmarks else []
    return _tail("p99 latency", percentiles)


def _tail(label: str, percentiles: Sequence[Percentile]) -> Tile:
    """The 99th percentile of single requests."""
    tail = next((percentile for percentile in percentiles if percentile.percentile == 99), None)
    if tail is None:
        return Tile(label, NOT_MEASURED, "")
    if tail.upper_bound_ms is None:
        return Tile(label, milliseconds(tail.value_ms), f"no bound: {tail.missing:,} more queries needed")
    return Tile(label, milliseconds(tail.value_ms), f"upper bound {milliseconds(tail.upper_bound_ms)}, SingleStream")


def _throughput(content: ReportContent) -> Tile:
    benchmark = content.evidence.benchmarks[0] if content.evidence.benchmarks else None
    offline = next((s.qps for s in benchmark.scenarios if s.name == "Offline"), None) if benchmark else None
    sustained = benchmark.sustained_qps if benchmark else None
    if is_measured(sustained):
        return Tile("sustained load", with_unit(sustained, "QPS"), f"Server; Offline {with_unit(offline, 'QPS')}")
    return Tile("Offline throughput", with_unit(offline, "QPS"), "")


def _tokens(content: ReportContent) -> list[Tile]:
    """How soon an answer begins, how fast it goes on; nothing where answers are no tokens."""
    tokens = content.evidence.benchmarks[0].tokens if content.evidence.benchmarks else None
    if tokens is None:
        return []
    return [
        _tail("p99 to the first token", tokens.first),
        _tail("p99 per further token", tokens.further),
        Tile("tokens per second", number(tokens.tokens_per_second), f"{number(tokens.mean_tokens)} tokens an answer"),
    ]


def _size(content: ReportContent) -> Tile:
    memory = content.evidence.benchmarks[0].peak_memory_mb if content.evidence.benchmarks else None
    return Tile("bundle size", megabytes(content.evidence.router.size_mb), f"peak memory {megabytes(memory)}")
