"""Turns raw latencies into evidence: percentiles with early-stopping bounds, speed ratios with intervals."""

import statistics
from collections.abc import Sequence
from typing import Final

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import LoadRun, Timings, TokenRun
from tasks.records import ChampionSpeed, Contender, Percentile, Ratio, Scenario, TokenLatency, TokenServer
from tasks.statistics.early_stopping import LOADGEN_CONFIDENCE, latency_percentile
from tasks.statistics.speed_ratio import paired_ratio

CHAMPION_CONTENDER: Final = "champion"
PERCENTILES: Final = (50, 90, 99)
_PICTURE_POINTS: Final = 2_000


def scenario(run: LoadRun) -> Scenario:
    """A run's record. Offline, all at once, has no percentiles; its `mean_ms` is time per input."""
    offline = run.scenario == "Offline"
    return Scenario(
        name=run.scenario,
        queries=len(run.latencies_ms),
        valid=run.valid,
        validity=run.validity,
        qps=run.qps,
        target_qps=run.target_qps,
        latency_bound_ms=run.latency_bound_ms,
        mean_ms=1e3 / run.qps if offline else statistics.fmean(run.latencies_ms),
        percentiles=() if offline else percentiles(run.latencies_ms),
        errors=run.errors,
        rate=run.rate,
    )


def percentiles(latencies_ms: Sequence[float]) -> tuple[Percentile, ...]:
    """p50, p90 and p99, named 50, 90 and 99 in the record, with their upper bounds at LoadGen's confidence."""
    return tuple(
        latency_percentile(latencies_ms, percent / 100, LOADGEN_CONFIDENCE).model_copy(update={"percentile": percent})
        for percent in PERCENTILES
    )


def token_latency(run: TokenRun) -> TokenLatency:
    """Percentiles over the requests; a further token's time is a request's mean, and requests of one token have none."""
    return TokenLatency(
        queries=len(run.tokens),
        first=percentiles(run.first_ms),
        further=_further(run),
        tokens_per_second=1e3 * sum(run.tokens) / sum(run.total_ms),
        mean_tokens=statistics.fmean(run.tokens),
    )


def token_server(run: LoadRun, sustained_qps: float | None) -> TokenServer:
    """The record of a Server run whose answers were streamed. Raises BenchmarkError for any other run."""
    if run.tokens is None or run.target_qps is None or run.ttft_bound_ms is None or run.tpot_bound_ms is None:
        raise BenchmarkError(f"{run.scenario}: its answers were not streamed under token bounds")
    mean_tokens = statistics.fmean(run.tokens.tokens)
    return TokenServer(
        queries=len(run.latencies_ms),
        valid=run.valid,
        validity=run.validity,
        qps=run.qps,
        target_qps=run.target_qps,
        ttft_bound_ms=run.ttft_bound_ms,
        tpot_bound_ms=run.tpot_bound_ms,
        first=percentiles(run.tokens.first_ms),
        further=_further(run.tokens),
        tokens_per_second=run.qps * mean_tokens,
        mean_tokens=mean_tokens,
        sustained_qps=sustained_qps,
        errors=run.errors,
        rate=run.rate,
    )


def contenders(timings: Sequence[Timings], repeat: Timings, *, baseline: str | None) -> tuple[Contender, ...]:
    """All contenders with their speed-ups over the one named `baseline`; None compares the only one with its repeat."""
    parent = repeat if baseline is None else next(timing for timing in timings if timing.name == baseline)
    return tuple(_contender(own, parent) for own in timings)


def against_champion(timings: Sequence[Timings], champion_digest: str) -> ChampionSpeed:
    """How the first contender, the bundle under judgement, compares with the one named `champion` in the same blocks."""
    champion = next(timing for timing in timings if timing.name == CHAMPION_CONTENDER)
    speedup = paired_ratio(_block_means_ms(champion), _block_means_ms(timings[0]))
    return ChampionSpeed(bundle_digest=champion_digest, speedup=speedup)


def noise(first: Timings, repeat: Timings) -> Ratio:
    """The A/A comparison: what the same contender's speed-up over itself looks like on this machine."""
    return paired_ratio(_block_means_ms(repeat), _block_means_ms(first))


def thinned(latencies_ms: Sequence[float]) -> tuple[float, ...]:
    """At most 2,000 latencies, evenly spaced in time, for the report's picture."""
    step = -(-len(latencies_ms) // _PICTURE_POINTS)
    return tuple(latencies_ms[:: max(1, step)])


def _further(run: TokenRun) -> tuple[Percentile, ...]:
    rows = zip(run.first_ms, run.total_ms, run.tokens, strict=True)
    further = [(total - first) / (tokens - 1) for first, total, tokens in rows if tokens > 1]
    return percentiles(further) if further else ()


def _contender(own: Timings, parent: Timings) -> Contender:
    times = sorted(time for block in own.blocks_ms for time in block)
    return Contender(
        name=own.name,
        mean_ms=statistics.fmean(times),
        p50_ms=times[int(0.5 * len(times))],
        p99_ms=times[int(0.99 * len(times))],
        speedup=paired_ratio(_block_means_ms(parent), _block_means_ms(own)),
    )


def _block_means_ms(timings: Timings) -> list[float]:
    return [statistics.fmean(block) for block in timings.blocks_ms]
