"""All that a verdict rests on, as one record, and the checks that this evidence may be used at all.

Evidence that leaks, is missing, or was made for other bytes than those that would serve says nothing about them:
whatever the gates find then, the verdict is INVALID.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import SerializeAsAny

from registry.checks import Check, Outcome
from registry.rules import finite, invalid
from tasks.artifact import Record
from tasks.recipe import Target
from tasks.records import (
    BenchmarkResult,
    Certificate,
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    FineTuned,
    PairedTest,
    ProbesResult,
    RouterResult,
    SnapshotResult,
    UnreadableChampion,
)
from tasks.records.sections import Account
from tasks.statistics.paired_test import paired_p_value


class Evidence(Record):
    """The results of one run that judge one bundle; `bundle_digest` is that of the folder that would be registered.

    `fine_tuned`: whatever the family's step found. Where a champion serves, it is in `champion` if it could be compared with,
    else in `unreadable_champion`. `remarks`: what the steps, and the libraries that they call, put on the record. `unsettled`:
    what of the times by which the bundle was made is provisional, and why. `account`: how the family words all this.
    """

    bundle_digest: str
    snapshot: SnapshotResult
    fine_tuned: SerializeAsAny[FineTuned]
    compression: CompressionResult
    router: RouterResult
    evaluation: EvaluationResult
    benchmarks: tuple[BenchmarkResult, ...]
    champion: ChampionComparison | None = None
    unreadable_champion: UnreadableChampion | None = None
    remarks: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    probes: ProbesResult | None = None
    account: Account

    @property
    def digest(self) -> str:
        """SHA-256 over the evidence's JSON; other words for it are no other evidence."""
        return hashlib.sha256(self.model_dump_json(exclude={"account"}).encode()).hexdigest()


def integrity_checks(evidence: Evidence, targets: Sequence[Target]) -> Iterator[Check]:
    """Leakage, digests, rows and targets: whether the evidence is about these bytes and these data."""
    yield _leakage(evidence.snapshot, evidence.evaluation)
    yield _gate_rows(evidence.snapshot, evidence.evaluation)
    made_for = {"the router": evidence.router.bundle_digest} | {
        f"the benchmark on {benchmark.target}": benchmark.bundle_digest for benchmark in evidence.benchmarks
    }
    if evidence.probes is not None:
        made_for["the probes"] = evidence.probes.bundle_digest
    if evidence.champion is not None:
        made_for["the comparison with the champion"] = evidence.champion.challenger_digest
    strangers = [what for what, digest in made_for.items() if digest != evidence.bundle_digest]
    bundle = f"the bundle {evidence.bundle_digest[:12]}"
    if strangers:
        yield invalid("bundle_digest", f"{' and '.join(strangers)} measured other bytes than {bundle}")
    else:
        yield _passed("bundle_digest", f"all evidence is about {bundle}")
    yield _coverage(evidence.benchmarks, targets)


def host_checks(benchmark: BenchmarkResult, target: Target) -> Iterator[Check]:
    """Whether the target ran where the recipe says, and answered every query."""
    name = f"execution_provider/{target.name}"
    active = ", ".join(benchmark.execution_providers) or "none"
    if target.execution_provider in benchmark.execution_providers:
        yield _passed(name, f"{target.execution_provider} is active on {target.name}")
    else:
        yield Check(
            name=name,
            outcome=Outcome.FAIL,
            sentence=f"{target.name} asks for {target.execution_provider}, but the session ran on {active}",
        )
    errors: dict[str, int] = {scenario.name: scenario.errors for scenario in benchmark.scenarios}
    if benchmark.token_server is not None:
        errors["streamed Server"] = benchmark.token_server.errors
    failed = {name: count for name, count in errors.items() if count}
    total = sum(failed.values())
    yield Check(
        name=f"errors/{target.name}",
        outcome=Outcome.FAIL if failed else Outcome.PASS,
        sentence=f"{total} queries raised errors ({', '.join(f'{k} {v}' for k, v in failed.items())})"
        if failed
        else f"no query raised an error on {target.name}",
        measured=float(total),
        bound=float(total),
        threshold=0.0,
        unit="queries",
        direction="ceiling",
    )


def certificate_checks(
    router: RouterResult, reference: PairedTest, *, confidence: float, max_accuracy_loss: float
) -> Iterator[Check]:
    """The router is certified or does not route at all, and the gate rows do not contradict the promise."""
    chosen = chosen_certificate(router)
    yield _certified(router, chosen, confidence=confidence, max_accuracy_loss=max_accuracy_loss)
    yield _contradiction(reference, chosen.epsilon if chosen else max_accuracy_loss, significance=1 - confidence)


def chosen_certificate(router: RouterResult) -> Certificate | None:
    """The certificate of the operating point that the bundle serves with: the one whose epsilon bears its name."""
    return next((entry for entry in router.certificates if entry.operating_point == router.operating_point), None)


def _leakage(snapshot: SnapshotResult, evaluation: EvaluationResult) -> Check:
    if evaluation.leaking_rows > 0:
        return invalid("leakage", f"{evaluation.leaking_rows} gate rows are (nearly) in another split as well")
    removed = snapshot.leaking_exact + snapshot.leaking_near
    return _passed("leakage", f"no gate row is in another split ({removed} leaking rows had left other splits before)")


def _gate_rows(snapshot: SnapshotResult, evaluation: EvaluationResult) -> Check:
    held = snapshot.rows.get("gate", 0)
    if evaluation.rows <= 0 or held <= 0:
        return invalid("gate_rows", "the gate split is empty")
    if evaluation.rows != held:
        return invalid("gate_rows", f"{evaluation.rows} rows were evaluated, but the gate split has {held}")
    return _passed("gate_rows", f"all {held} gate rows were evaluated")


def _coverage(benchmarks: Sequence[BenchmarkResult], targets: Sequence[Target]) -> Check:
    wanted, measured = {target.name for target in targets}, Counter(benchmark.target for benchmark in benchmarks)
    problems = [f"{name} was not measured" for name in sorted(wanted - set(measured))]
    problems += [f"{name} was measured but is no target of the recipe" for name in sorted(set(measured) - wanted)]
    problems += [f"{name} was measured {count} times" for name, count in measured.items() if count > 1]
    if not wanted:
        problems.append("the recipe names no target")
    if problems:
        return invalid("targets", "; ".join(problems))
    return _passed("targets", f"every target was measured: {', '.join(sorted(wanted))}")


def _certified(
    router: RouterResult, chosen: Certificate | None, *, confidence: float, max_accuracy_loss: float
) -> Check:
    name = "certificate"
    if len(router.paths) == 1 and (chosen is None or not chosen.certified):
        return _passed(name, f"the router stays on the path {router.paths[0].name} alone; there is nothing to certify")
    if chosen is None:
        return invalid(name, f"no certificate belongs to the operating point {router.operating_point!r}")
    if not finite(chosen.epsilon, chosen.test.p_value, chosen.test.upper_bound):
        return invalid(name, "the certificate's numbers are not finite")
    if chosen.confidence < confidence - 1e-9:
        return invalid(name, f"certified with confidence {chosen.confidence:g}; the recipe asks for {confidence:g}")
    if chosen.certified and chosen.test.p_value > 1 - chosen.confidence + 1e-12:
        return invalid(name, f"called certified with p = {chosen.test.p_value:.3g}, above {1 - chosen.confidence:.3g}")
    if not chosen.certified:
        problem = f"no loss of at most {chosen.epsilon:.2%} was certified for a router with {len(router.paths)} paths"
    elif chosen.epsilon > max_accuracy_loss and not math.isclose(chosen.epsilon, max_accuracy_loss):
        problem = (
            f"the router serves with a loss of up to {chosen.epsilon:.2%}; the recipe allows {max_accuracy_loss:.2%}"
        )
    else:
        problem = ""
    return Check(
        name=name,
        outcome=Outcome.FAIL if problem else Outcome.PASS,
        sentence=problem or chosen.statement,
        measured=chosen.test.loss,
        bound=chosen.test.upper_bound,
        threshold=chosen.epsilon,
        unit="share",
        direction="ceiling",
    )


def _contradiction(reference: PairedTest, epsilon: float, *, significance: float) -> Check:
    """FAIL when the gate rows establish a loss above epsilon; that they establish less is not asked of these few rows.

    It is the certificate's own exact test, with harms and gains exchanged: H0 is then "the loss is at most epsilon".
    """
    name = "certificate_on_gate"
    if reference.n <= 0 or not finite(reference.loss):
        return invalid(name, "routed and reference answers were not compared on the gate rows")
    p_value = paired_p_value(reference.n, reference.gains, reference.harms, -epsilon, significance)
    refuted = p_value <= significance
    said = (
        f"{reference.harms} harms, {reference.gains} gains on {reference.n} gate rows, a loss of {reference.loss:.2%}"
    )
    found = "refutes" if refuted else "does not contradict"
    return Check(
        name=name,
        outcome=Outcome.FAIL if refuted else Outcome.PASS,
        sentence=f"{said}: {found} a loss of at most {epsilon:.2%} (p = {p_value:.3g})",
        measured=reference.loss,
        threshold=epsilon,
        unit="share",
    )


def _passed(name: str, sentence: str) -> Check:
    return Check(name=name, outcome=Outcome.PASS, sentence=sentence)
