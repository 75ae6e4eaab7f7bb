"""Named values for the sections on quality, out-of-scope inputs, data and machine."""

from dataclasses import dataclass

from registry.report.formatting import (
    NOT_MEASURED,
    count,
    duration,
    megabytes,
    milliseconds,
    number,
    percent,
    proportion,
    times,
    with_unit,
)
from tasks.records import BenchmarkResult, ChampionComparison, EvaluationResult, SnapshotResult


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value."""

    term: str
    value: str


def quality_facts(evaluation: EvaluationResult) -> tuple[Fact, ...]:
    """Figures of the routed model beside its accuracies."""
    return (
        Fact("macro F1, lower bound", f"{number(evaluation.macro_f1)}, {number(evaluation.macro_f1_low)}"),
        Fact(
            "expected calibration error, upper bound",
            f"{percent(evaluation.expected_calibration_error, 2)}, "
            f"{percent(evaluation.expected_calibration_error_high, 2)}",
        ),
        Fact("answers other than the reference path's", proportion(evaluation.disagreement)),
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
    label = snapshot.out_of_scope_label
    return (
        Fact(
            "labels", count(len(snapshot.labels)) + (" with the out-of-scope label" if label in snapshot.labels else "")
        ),
        Fact("quarantined", count(snapshot.quarantined)),
        Fact("duplicates", count(snapshot.duplicates)),
        Fact("same text, several labels", count(snapshot.contradicting)),
        Fact("left other splits as exact leaks", count(snapshot.leaking_exact)),
        Fact("left other splits as near leaks", count(snapshot.leaking_near)),
        *([Fact("landed since", snapshot.landed.sentence)] if snapshot.landed else []),
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
