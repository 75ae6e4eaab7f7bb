"""The verdict: all gates of a recipe judged over all evidence. Pure; no clock, no files, no database.

It fails closed. Leakage, bytes other than those measured, a missing metric, a number that is not finite, an empty
slice, a target without a measurement, or a recipe without a single gate can never end in PASS.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from registry.answered import answered_checks
from registry.champion import champion_checks
from registry.checks import Check, Outcome, Verdict
from registry.evidence import certificate_checks, host_checks, integrity_checks
from registry.gates import ACCURACY_GATES, accuracy_checks, performance_checks, thresholds
from registry.operating_points import operating_point_checks
from registry.probes import probe_checks
from registry.rules import invalid
from tasks.recipe import FamilyGates, Target
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    EvaluationResult,
    ProbesResult,
    RouterResult,
    SnapshotResult,
    UnreadableChampion,
)

__all__ = ["Check", "Outcome", "Verdict", "judge"]


def judge(
    gates: FamilyGates,
    *,
    snapshot: SnapshotResult,
    router: RouterResult,
    evaluation: EvaluationResult,
    probes: ProbesResult | None,
    benchmarks: Sequence[BenchmarkResult],
    bundle_digest: str,
    targets: Sequence[Target],
    confidence: float,
    max_accuracy_loss: float,
    champion: ChampionComparison | None,
    unreadable_champion: UnreadableChampion | None,
    if_unreadable: Literal["replace", "refuse"],
    unsettled: Sequence[str] = (),
) -> Verdict:
    """Judge one bundle.

    `champion`: the comparison with the version that serves now; `unreadable_champion`: that version, where it cannot be
    compared with, which `if_unreadable` decides about. Both None: nothing serves, and the absolute rules alone judge.
    `bundle_digest` is computed from the bytes that would be registered. `confidence` and `max_accuracy_loss` are the
    router's promise (`recipe.router`). `unsettled`: what of the times by which the bundle was made is provisional, and why; no
    timing fails then. The outcome is the worst of all checks: INVALID, FAIL, INCONCLUSIVE, PASS.
    """

    def checks() -> Iterator[Check]:
        yield from integrity_checks(
            snapshot, router, evaluation, probes, benchmarks, champion, bundle_digest=bundle_digest, targets=targets
        )
        yield from certificate_checks(
            router, evaluation.reference, confidence=confidence, max_accuracy_loss=max_accuracy_loss
        )
        yield from probe_checks(probes)
        yield from answered_checks(snapshot, evaluation, benchmarks)
        by_target = {benchmark.target: benchmark for benchmark in benchmarks}
        for target in targets:
            if benchmark := by_target.get(target.name):
                yield from host_checks(benchmark, target)
                yield from operating_point_checks(router, benchmark, target)
        yield from _gate_checks(
            gates,
            snapshot=snapshot,
            evaluation=evaluation,
            benchmarks=benchmarks,
            confidence=confidence,
            unsettled=unsettled,
        )
        yield from champion_checks(
            gates,
            champion,
            unreadable_champion,
            if_unreadable=if_unreadable,
            evaluation=evaluation,
            benchmarks=benchmarks,
            confidence=confidence,
            unsettled=unsettled,
        )

    return Verdict.of(checks())


def _gate_checks(
    gates: FamilyGates,
    *,
    snapshot: SnapshotResult,
    evaluation: EvaluationResult,
    benchmarks: Sequence[BenchmarkResult],
    confidence: float,
    unsettled: Sequence[str],
) -> Iterator[Check]:
    asked = thresholds(gates)
    if not asked:
        yield invalid("gates", "the recipe sets no gate, so nothing could be proven; set at least one under gates")
    for name, threshold in asked.items():
        if name in ACCURACY_GATES:
            yield from accuracy_checks(
                name,
                threshold,
                snapshot=snapshot,
                evaluation=evaluation,
                slice_min_rows=gates.slice_min_rows,
                confidence=confidence,
            )
        elif not benchmarks:
            yield invalid(name, "no target was measured", threshold=threshold)
        for benchmark in benchmarks if name not in ACCURACY_GATES else ():
            yield from performance_checks(name, threshold, benchmark, unsettled)
