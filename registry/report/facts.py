"""Named values for the sections on quality, out-of-scope inputs, data and machine."""

from dataclasses import dataclass

from tasks.families.generation.records import StudentResult
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
    GenerationScores,
    SnapshotResult,
    TokenLatency,
    TokenServer,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value."""

    term: str
    value: str


def quality_facts(evaluation: EvaluationResult) -> tuple[Fact, ...]:
    """Figures of the routed model beside its accuracies."""
    own = _class_facts(evaluation) if evaluation.generation is None else _completion_facts(evaluation.generation)
    return (*own, Fact("answers other than the reference path's", proportion(evaluation.disagreement)))


def _class_facts(evaluation: EvaluationResult) -> tuple[Fact, ...]:
    return (
        Fact("macro F1, lower bound", f"{number(evaluation.macro_f1)}, {number(evaluation.macro_f1_low)}"),
        Fact(
            "expected calibration error, upper bound",
            f"{percent(evaluation.expected_calibration_error, 2)}, "
            f"{percent(evaluation.expected_calibration_error_high, 2)}",
        ),
    )


def _completion_facts(scores: GenerationScores) -> tuple[Fact, ...]:
    return (
        Fact("token F1, lower bound", f"{number(scores.token_f1)}, {number(scores.token_f1_low)}"),
        Fact("ROUGE-L, lower bound", f"{number(scores.rouge_l)}, {number(scores.rouge_l_low)}"),
        *([Fact("completions that are JSON", proportion(scores.json_validity))] if scores.json_validity else []),
        Fact("perplexity of the gold completions, fp32 reference", number(scores.perplexity)),
        Fact("the same, last path as it serves", number(scores.served_perplexity)),
        Fact("the same as plain greedy decoding", proportion(scores.identical)),
        Fact("mean tokens of an answer", number(scores.mean_tokens)),
    )


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


def student_facts(student: StudentResult) -> tuple[Fact, ...]:
    """What the small model kept of the full one, and what its training lost."""
    own, parent = student.shape, student.parent_shape
    kept = ", ".join(map(str, student.layers_kept)) if student.layers_kept else "none, it started from nothing"
    return (
        Fact("how", student.method),
        Fact("layers", f"{own.layers} of width {count(own.width)}, of {parent.layers} of width {count(parent.width)}"),
        Fact("layers kept of the full model", kept),
        Fact("FFN widths", ", ".join(count(width) for width in own.ffn_widths)),
        Fact("parameters", f"{number(parent.parameters / 1e6)} M → {number(own.parameters / 1e6)} M"),
        Fact(
            "exact match on tune", f"{percent(student.parent_tune.exact_match)} → {percent(student.tune.exact_match)}"
        ),
        Fact("perplexity on tune", f"{number(student.parent_tune.perplexity)} → {number(student.tune.perplexity)}"),
        Fact("tokens that both find likeliest", percent(student.agreement)),
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


def out_of_scope_facts(evaluation: EvaluationResult) -> tuple[Fact, ...]:
    """How inputs outside the labels were treated; empty when the data has none."""
    measured = (
        evaluation.out_of_scope_recall,
        evaluation.out_of_scope_auroc,
        evaluation.out_of_scope_fpr95,
        evaluation.out_of_scope_early_share,
    )
    if all(value is None for value in measured):
        return ()
    return (
        Fact("recall (abstained)", proportion(evaluation.out_of_scope_recall)),
        Fact("AUROC of the score", number(evaluation.out_of_scope_auroc)),
        Fact("FPR at 95 % recall", percent(evaluation.out_of_scope_fpr95)),
        Fact("stopped early, goal ≤ 2 %", percent(evaluation.out_of_scope_early_share)),
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
