"""The gates of all recipes, one function per kind: which number of the evidence each field is judged by.

Pure. A gate is a threshold for a figure of that name, or for what the benchmark measured. One on speed is judged on every
target, a latency or tokens on SingleStream and on Server, so that one field may give several checks; it never gives none. A
gate whose number the evidence has not is INVALID.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from registry.checks import Check, Outcome
from registry.missing import MissingRows
from registry.rules import (
    at_rate,
    bounded_ceiling,
    bounded_floor,
    finite,
    interval_floor,
    invalid,
    measured_ceiling,
    noise_factor,
    percentile_ceiling,
    ratio_floor,
    unless_unsettled,
)
from registry.token_gates import TOKEN_GATES, token_checks
from tasks.recipe import FamilyGates
from tasks.records import BenchmarkResult, EvaluationResult, Scenario, SnapshotResult

ADAPTIVE_CONTENDER: Final = "adaptive"
_LATENCY_SCENARIOS: Final = ("SingleStream", "Server")
_LATENCY_GATES: Final[Mapping[str, float]] = MappingProxyType(
    {"latency_p50_ms": 50.0, "latency_p90_ms": 90.0, "latency_p99_ms": 99.0}
)
SLICES: Final = "slice_accuracy"
PERFORMANCE_GATES: Final = frozenset(
    {*_LATENCY_GATES, *TOKEN_GATES, "throughput_qps", "speedup", "cold_start_s", "memory_mb", "size_mb"}
)
CHAMPION_GATES: Final = frozenset({"champion_accuracy_loss", "champion_slice_loss", "champion_slowdown"})
"""Judged in `registry.champion`: they apply only where there is a champion, so that they prove nothing alone."""
_UNTIMED: Final = frozenset({"memory_mb", "size_mb"})
TIMED_CHECKS: Final = frozenset({*PERFORMANCE_GATES - _UNTIMED, "champion_speed"})
"""What another measurement may settle; the second part of a check's name is the target."""


def thresholds(gates: FamilyGates) -> dict[str, float]:
    """The absolute gates that are set, by field name; `slice_min_rows` is a setting of a gate and no gate."""
    values = gates.model_dump(exclude={"slice_min_rows", *CHAMPION_GATES}, exclude_none=True)
    return {name: float(value) for name, value in values.items()}


def accuracy_checks(
    name: str,
    threshold: float,
    *,
    snapshot: SnapshotResult,
    evaluation: EvaluationResult,
    slice_min_rows: int,
    confidence: float,
) -> Iterator[Check]:
    """The checks of one gate on what the evaluation found: of a figure by its kind and its better side, or of every slice."""
    if name == SLICES:
        yield from _slice_checks(snapshot, evaluation, threshold, least=slice_min_rows, confidence=confidence)
        return
    figure = evaluation.figure(name)
    if figure is None:
        yield invalid(name, f"{name} is missing: the evaluation has no such figure", threshold=threshold)
    elif figure.value is None and figure.absent:
        yield invalid(name, f"{figure.title} was not measured: {figure.absent}; drop the gate", threshold=threshold)
    elif figure.kind == "share" and figure.better == "more":
        rows_of = MissingRows(label=figure.label)
        yield interval_floor(name, figure.title, figure.interval, threshold, confidence=confidence, rows_of=rows_of)
    else:
        bounded = bounded_floor if figure.better == "more" else bounded_ceiling
        yield bounded(name, figure.title, figure.value, figure.bound, threshold, rows=figure.rows)


def performance_checks(
    name: str, threshold: float, benchmark: BenchmarkResult, unsettled: Sequence[str] = ()
) -> Iterator[Check]:
    """The checks of one gate of `PERFORMANCE_GATES` on one target. On a disturbed machine no timing fails.

    Nor does it where the bundle was made by times that are `unsettled`.
    """
    for check in _performance_checks(name, threshold, benchmark):
        yield check if name in _UNTIMED else unless_unsettled(check, benchmark.disturbance, unsettled)


def to_measure_again(checks: Iterable[Check], benchmarks: Sequence[BenchmarkResult]) -> tuple[str, ...]:
    """Targets where a timing is inconclusive and another measurement may settle it: its result is not worth keeping.

    A bound that is missing is missing for want of queries, of which another measurement has no more.
    """
    open_targets = {
        check.name.split("/")[1]
        for check in checks
        if check.gate in TIMED_CHECKS and check.outcome is Outcome.INCONCLUSIVE and check.bound is not None
    }
    return tuple(entry.target for entry in benchmarks if entry.target in open_targets)


def _performance_checks(name: str, threshold: float, benchmark: BenchmarkResult) -> Iterator[Check]:
    label = f"{name}/{benchmark.target}"
    noise = noise_factor(benchmark.noise)
    if name == "size_mb":
        yield measured_ceiling(label, "size", benchmark.size_mb, threshold, unit="MB")
    elif name == "memory_mb":
        yield measured_ceiling(label, "peak memory", benchmark.peak_memory_mb, threshold, unit="MB")
    elif noise is None:
        yield invalid(label, f"the noise of {benchmark.target} was not measured", threshold=threshold)
    elif name in TOKEN_GATES:
        yield from token_checks(name, threshold, benchmark, noise=noise)
    elif name in _LATENCY_GATES:
        for scenario in _LATENCY_SCENARIOS:
            yield _latency(label, _LATENCY_GATES[name], threshold, benchmark, scenario, noise)
    elif name == "throughput_qps":
        yield _throughput(label, threshold, benchmark, noise)
    elif name == "speedup":
        yield _speedup(label, threshold, benchmark, noise)
    elif name == "cold_start_s":
        yield measured_ceiling(label, "cold start", benchmark.cold_start_s, threshold, unit="s", noise=noise)
    else:
        raise KeyError(f"no rule for the gate {name}")


def _slice_checks(
    snapshot: SnapshotResult, evaluation: EvaluationResult, floor: float, *, least: int, confidence: float
) -> Iterator[Check]:
    """One check per slice with at least `least` gate rows, and one that says which slices were too small to judge."""
    rows = {entry.name: entry.accuracy.n for entry in evaluation.slices}
    empty = sorted({*snapshot.slices, *rows} - {name for name, count in rows.items() if count > 0})
    small = {name: count for name, count in sorted(rows.items()) if 0 < count < least}
    judged = [entry for entry in evaluation.slices if entry.accuracy.n >= least]
    for entry in judged:
        what = f"accuracy of slice {entry.name}"
        yield interval_floor(
            f"{SLICES}/{entry.name}",
            what,
            entry.accuracy,
            floor,
            confidence=confidence,
            rows_of=MissingRows(slice=entry.name),
        )
    unjudged = ", ".join(f"{name} ({count})" for name, count in small.items())
    name = SLICES
    if not rows and not empty:
        yield invalid(name, "the data have no slices; set data.slice_column or drop the gate", threshold=floor)
    elif empty:
        yield invalid(name, f"no gate rows in slice {', '.join(empty)}", threshold=floor)
    elif not judged:
        sentence = f"no slice has {least} gate rows: {unjudged}; add rows or lower gates.slice_min_rows"
        missing = tuple(MissingRows(slice=each, have=count, needed=least) for each, count in small.items())
        yield Check(name=name, outcome=Outcome.INCONCLUSIVE, sentence=sentence, threshold=floor, missing=missing)
    else:
        sentence = f"{len(judged)} of {len(rows)} slices judged"
        sentence += f"; fewer than {least} gate rows, not judged: {unjudged}" if small else ""
        yield Check(name=name, outcome=Outcome.PASS, sentence=sentence, threshold=floor)


def _latency(
    label: str, percentile: float, ceiling: float, benchmark: BenchmarkResult, scenario_name: str, noise: float
) -> Check:
    name = f"{label}/{scenario_name}"
    what = f"{scenario_name} p{percentile:g} latency on {benchmark.target}"
    scenario = _scenario(benchmark, scenario_name)
    if scenario is None:
        return invalid(name, f"{what} is missing: the scenario was not run", threshold=ceiling, unit="ms")
    what += at_rate(scenario.target_qps, scenario.rate)
    # A Server run held against a stricter bound than the gate's may miss that one and still prove the gate's.
    check = percentile_ceiling(
        name, what, scenario.percentiles, percentile, ceiling, queries=scenario.queries, noise=noise
    )
    stricter = scenario.latency_bound_ms is not None and scenario.latency_bound_ms < ceiling
    if check.outcome is Outcome.PASS and not scenario.valid and not stricter:
        said = f"{check.sentence}, but LoadGen calls the scenario invalid: {scenario.validity}"
        return check.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "sentence": said})
    return check


def _throughput(label: str, floor: float, benchmark: BenchmarkResult, noise: float) -> Check:
    """Queries per second under the latency objective, sustained in a valid Server scenario."""
    server, sustained = _scenario(benchmark, "Server"), benchmark.sustained_qps
    what = f"throughput on {benchmark.target}"
    if server is None:
        return invalid(label, f"{what} is missing: the Server scenario was not run", threshold=floor, unit="qps")
    if sustained is not None and not finite(sustained):
        return invalid(label, f"{what} is not a finite number", threshold=floor, unit="qps")
    if sustained is None:
        missing = max((entry.missing for entry in server.percentiles), default=0)
        tried = server.target_qps
        said = f"{what}: no rate was sustained ({server.validity})"
        if missing:
            outcome, said = Outcome.INCONCLUSIVE, f"{said}; {missing} more queries are needed"
        elif tried is None or tried > floor * noise:
            outcome, said = Outcome.INCONCLUSIVE, f"{said}; {floor:g} qps itself was not tried"
        else:
            outcome, said = Outcome.FAIL, f"{said} at {tried:.4g} qps; {floor:g} qps are asked for"
    elif sustained >= floor:
        outcome, said = Outcome.PASS, f"{what} {sustained:.4g} qps sustained: meets {floor:g} qps"
    elif sustained * noise >= floor:
        outcome = Outcome.INCONCLUSIVE
        said = f"{what} {sustained:.4g} qps: below {floor:g}, but within the noise of {noise:.2f}x; measure again"
    else:
        outcome, said = Outcome.FAIL, f"{what} {sustained:.4g} qps: below {floor:g} qps"
    return Check(
        name=label,
        outcome=outcome,
        sentence=said,
        measured=sustained,
        bound=sustained,
        threshold=floor,
        unit="qps",
        direction="floor",
    )


def _speedup(label: str, floor: float, benchmark: BenchmarkResult, noise: float) -> Check:
    contender = next((entry for entry in benchmark.contenders if entry.name == ADAPTIVE_CONTENDER), None)
    what = f"speed-up over the static model on {benchmark.target}"
    if contender is None:
        return invalid(label, f"{what} is missing: no contender {ADAPTIVE_CONTENDER!r}", threshold=floor, unit="x")
    return ratio_floor(label, what, contender.speedup, floor, noise=noise)


def _scenario(benchmark: BenchmarkResult, name: str) -> Scenario | None:
    return next((scenario for scenario in benchmark.scenarios if scenario.name == name), None)
