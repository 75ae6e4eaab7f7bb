"""Named values for the sections on quality, tokens, the champion, data and machine."""

from tasks.formatting import (
    NOT_MEASURED,
    count,
    duration,
    limit,
    megabytes,
    milliseconds,
    number,
    percent,
    proportion,
    times,
    with_unit,
)
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    EvaluationResult,
    Figure,
    SnapshotResult,
    TokenLatency,
    TokenServer,
)
from tasks.records.sections import Fact


def quality_facts(evaluation: EvaluationResult) -> tuple[Fact, ...]:
    """Figures of the routed model beside its accuracies, as far as these rows give them."""
    others = [figure for figure in evaluation.figures if not figure.heading and figure.reference is None]
    own = (_fact_of(figure) for figure in others if figure.value is not None)
    return (*own, Fact("answers other than the reference path's", proportion(evaluation.disagreement)))


def figures_by_heading(evaluation: EvaluationResult) -> dict[str, tuple[Fact, ...]]:
    """The figures that stand under a heading of their own; none under one where nothing of it was measured."""
    headed = [figure for figure in evaluation.figures if figure.heading]
    measured = {figure.heading for figure in headed if figure.value is not None}
    return {
        heading: tuple(_fact_of(figure) for figure in headed if figure.heading == heading and heading in measured)
        for heading in dict.fromkeys(figure.heading for figure in headed)
    }


def token_facts(tokens: TokenLatency) -> tuple[Fact, ...]:
    """What the token latencies are of, and the rate that they give."""
    return (
        Fact("completion tokens per second", number(tokens.tokens_per_second)),
        Fact("mean tokens of an answer", number(tokens.mean_tokens)),
        Fact("queries, one after the other", count(tokens.queries)),
    )


def token_server_facts(server: TokenServer) -> tuple[Fact, ...]:
    """LoadGen's verdict on streamed answers under load, and what rate was sustained."""
    bounds = f"to the first {limit(server.ttft_bound_ms, 'ms')}, per further one {limit(server.tpot_bound_ms, 'ms')}"
    sustained = server.sustained_tokens_per_second
    return (
        Fact("LoadGen", "valid" if server.valid else server.validity),
        Fact("bounds on p99", bounds),
        Fact("queries, offered", f"{count(server.queries)}, {with_unit(server.target_qps, 'QPS')}"),
        *([Fact("why at that rate", server.rate)] if server.rate else []),
        Fact("highest rate within both bounds", with_unit(server.sustained_qps, "QPS")),
        Fact("completion tokens per second at that rate", number(sustained)),
        Fact("errors", count(server.errors)),
    )


def champion_facts(champion: ChampionComparison, benchmarks: tuple[BenchmarkResult, ...]) -> tuple[Fact, ...]:
    """How the bundle compares with the version that served when it was judged."""
    test = champion.test
    speeds = [(entry.target, entry.against_champion) for entry in benchmarks]
    return (
        Fact("accuracy of the champion", proportion(champion.champion_accuracy)),
        Fact("accuracy of this bundle", proportion(champion.accuracy)),
        Fact("lost against it, upper bound", f"{percent(test.loss, 2)}, {percent(test.upper_bound, 2)}"),
        Fact("harms / gains", f"{count(test.harms)} / {count(test.gains)} of {count(test.n)}"),
        *(
            Fact(f"times as fast on {target}", times(speed.speedup) if speed else NOT_MEASURED)
            for target, speed in speeds
        ),
    )


def data_facts(snapshot: SnapshotResult, leaking_gate_rows: int) -> tuple[Fact, ...]:
    """What was found in the rows before any training."""
    label, labels = snapshot.out_of_scope_label, snapshot.labels
    return (
        *(
            [Fact("labels", count(len(labels)) + (" with the out-of-scope label" if label in labels else ""))]
            if labels
            else []
        ),
        Fact("quarantined", count(snapshot.quarantined)),
        Fact("duplicates", count(snapshot.duplicates)),
        Fact(
            "same text, several labels" if labels else "same prompt, several completions", count(snapshot.contradicting)
        ),
        Fact("left other splits as exact leaks", count(snapshot.leaking_exact)),
        Fact("left other splits as near leaks", count(snapshot.leaking_near)),
        *([Fact("landed since", snapshot.landed.sentence)] if snapshot.landed else []),
        *([Fact("left certify, seen by failed attempts", count(snapshot.retired))] if snapshot.retired else []),
        Fact("gate rows that leak", count(leaking_gate_rows)),
    )


def machine_facts(benchmark: BenchmarkResult) -> tuple[Fact, ...]:
    """Cold start, memory, and the fingerprint of the machine."""
    host = benchmark.host
    return (
        Fact("cold start", duration(benchmark.cold_start_s)),
        Fact("first answer", milliseconds(benchmark.first_answer_ms)),
        Fact("peak memory", megabytes(benchmark.peak_memory_mb)),
        Fact("bundle size", megabytes(benchmark.size_mb)),
        Fact("sustained within the SLO", with_unit(benchmark.sustained_qps, "QPS")),
        Fact("taken by others", benchmark.disturbance.sentence if benchmark.disturbance else NOT_MEASURED),
        Fact("operating point", benchmark.operating_point or NOT_MEASURED),
        Fact("execution providers", ", ".join(benchmark.execution_providers) or "none"),
        Fact("CPU", f"{host.cpu}, {host.cores} cores, {number(host.memory_gb)} GB"),
        Fact("instruction set", ", ".join(host.instruction_set) or "none"),
        Fact("accelerator", f"{host.accelerator or 'none'}{f', driver {host.driver}' if host.driver else ''}"),
        Fact("runtimes", ", ".join(f"{name} {version}" for name, version in sorted(host.runtimes.items()))),
    )


def _fact_of(figure: Figure) -> Fact:
    """A figure with the interval or the bound that was found for it."""
    if figure.kind == "share":
        return Fact(figure.title, proportion(figure.interval) if figure.interval else percent(figure.value))
    value = with_unit(figure.value, figure.unit)
    if figure.bound is None:
        return Fact(figure.title, value)
    side = "lower" if figure.better == "more" else "upper"
    return Fact(f"{figure.title}, {side} bound", f"{value}, {with_unit(figure.bound, figure.unit)}")
