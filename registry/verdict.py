"""The verdict: all gates of a recipe judged over all evidence. Pure; no clock, no files, no database.

It fails closed. Leakage, bytes other than those measured, a missing metric, a number that is not finite, an empty
slice, a target without a measurement, or a recipe without a single gate can never end in PASS.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from registry.answered import answered_checks
from registry.champion import champion_checks
from registry.checks import Check, Outcome, Verdict
from registry.evidence import Evidence, certificate_checks, host_checks, integrity_checks
from registry.gates import PERFORMANCE_GATES, accuracy_checks, performance_checks, thresholds
from registry.operating_points import operating_point_checks
from registry.probes import probe_checks
from registry.rules import invalid
from tasks.recipe import FamilyGates, Target

__all__ = ["Check", "Outcome", "Verdict", "judge"]


def judge(
    gates: FamilyGates,
    evidence: Evidence,
    *,
    targets: Sequence[Target],
    confidence: float,
    max_accuracy_loss: float,
    if_unreadable: Literal["replace", "refuse"],
) -> Verdict:
    """Judge one bundle by the evidence about it.

    Where nothing serves, the absolute rules alone judge; `if_unreadable` decides about a champion that cannot be compared
    with. `confidence` and `max_accuracy_loss` are the router's promise (`recipe.router`). The outcome is the worst of all
    checks: INVALID, FAIL, INCONCLUSIVE, PASS.
    """

    def checks() -> Iterator[Check]:
        router, evaluation = evidence.router, evidence.evaluation
        yield from integrity_checks(evidence, targets)
        yield from certificate_checks(
            router, evaluation.reference, confidence=confidence, max_accuracy_loss=max_accuracy_loss
        )
        yield from probe_checks(evidence.probes)
        yield from answered_checks(evidence.snapshot, evaluation, evidence.benchmarks)
        by_target = {benchmark.target: benchmark for benchmark in evidence.benchmarks}
        for target in targets:
            if benchmark := by_target.get(target.name):
                yield from host_checks(benchmark, target)
                yield from operating_point_checks(router, benchmark, target)
        yield from _gate_checks(gates, evidence, confidence)
        yield from champion_checks(gates, evidence, if_unreadable=if_unreadable, confidence=confidence)

    return Verdict.of(checks())


def _gate_checks(gates: FamilyGates, evidence: Evidence, confidence: float) -> Iterator[Check]:
    asked = thresholds(gates)
    if not asked:
        yield invalid("gates", "the recipe sets no gate, so nothing could be proven; set at least one under gates")
    for name, threshold in asked.items():
        if name not in PERFORMANCE_GATES:
            yield from accuracy_checks(
                name,
                threshold,
                snapshot=evidence.snapshot,
                evaluation=evidence.evaluation,
                slice_min_rows=gates.slice_min_rows,
                confidence=confidence,
            )
            continue
        if not evidence.benchmarks:
            yield invalid(name, "no target was measured", threshold=threshold)
        for benchmark in evidence.benchmarks:
            yield from performance_checks(name, threshold, benchmark, evidence.unsettled)
