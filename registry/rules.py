"""The rules by which one number is judged: a floor by its lower bound, an objective by its upper bound.

All rules share one shape. A bound on the right side passes; an estimate on the wrong side fails; an estimate that is
right with a bound that is not is INCONCLUSIVE and says what is missing; a number that is missing or not finite is
INVALID.
"""

import math
from collections.abc import Sequence
from typing import Final

from registry.checks import Check, Outcome
from registry.missing import MissingRows
from tasks.records import Disturbance, Interval, Percentile, Ratio
from tasks.statistics.rows_to_settle import rows_to_narrow, rows_to_reach

ANY_ROWS: Final = MissingRows()
_HALF_IS_PLENTY: Final = 10  # queries from which "half of them are too slow" settles any percentile from 90 upwards


def invalid(name: str, sentence: str, *, threshold: float | None = None, unit: str = "") -> Check:
    """A check whose evidence cannot be used."""
    return Check(name=name, outcome=Outcome.INVALID, sentence=sentence, threshold=threshold, unit=unit)


def interval_floor(
    name: str,
    what: str,
    interval: Interval | None,
    floor: float,
    *,
    confidence: float,
    rows_of: MissingRows = ANY_ROWS,
) -> Check:
    """A share judged by the lower end of its exact interval; `rows_of`: which rows it is a share of."""
    if interval is None:
        return invalid(name, f"{what} is missing", threshold=floor)
    if interval.n <= 0:
        return invalid(name, f"{what} was measured on no rows", threshold=floor)
    if not finite(interval.value, interval.low, interval.high):
        return invalid(name, f"{what} is not a finite number", threshold=floor)
    if interval.confidence < confidence - 1e-9:
        return invalid(
            name,
            f"the interval of {what} has confidence {interval.confidence:g}; the recipe asks for {confidence:g}",
            threshold=floor,
        )
    missing: tuple[MissingRows, ...] = ()
    said = f"{what} {interval.value:.2%} on {interval.n} rows, at least {interval.low:.2%}"
    if interval.value < floor:
        outcome, sentence = Outcome.FAIL, f"{said}: below the floor of {floor:.2%}"
    elif interval.low >= floor:
        outcome, sentence = Outcome.PASS, f"{said}: meets the floor of {floor:.2%}"
    else:
        needed = rows_to_reach(interval.n, interval.successes, floor, interval.confidence)
        more = (
            f"about {needed} gate rows would settle it"
            if needed
            else "it sits on the floor; more rows cannot settle it"
        )
        missing = (rows_of.model_copy(update={"have": interval.n, "needed": needed}),)
        outcome, sentence = Outcome.INCONCLUSIVE, f"{said}: the floor of {floor:.2%} is not proven; {more}"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=interval.value,
        bound=interval.low,
        threshold=floor,
        unit="share",
        direction="floor",
        missing=missing,
    )


def bounded_floor(name: str, what: str, value: float | None, bound: float | None, floor: float, *, rows: int) -> Check:
    """A score in [0, 1] of so many `rows`, judged by the lower confidence bound that the evaluation gave for it."""
    return _bounded(name, what, value, bound, floor, floor_wanted=True, rows=rows)


def bounded_ceiling(
    name: str, what: str, value: float | None, bound: float | None, ceiling: float, *, rows: int
) -> Check:
    """An error in [0, 1] of so many `rows`, judged by the upper confidence bound that the evaluation gave for it."""
    return _bounded(name, what, value, bound, ceiling, floor_wanted=False, rows=rows)


def _bounded(
    name: str, what: str, value: float | None, bound: float | None, threshold: float, *, floor_wanted: bool, rows: int
) -> Check:
    if value is None:
        return invalid(name, f"{what} is missing", threshold=threshold)
    if not finite(value) or (bound is not None and not finite(bound)):
        return invalid(name, f"{what} is not a finite number", threshold=threshold)
    kind = "floor" if floor_wanted else "limit"
    missing: tuple[MissingRows, ...] = ()
    said = f"{what} {value:.4f}"
    if value < threshold if floor_wanted else value > threshold:
        outcome, sentence = Outcome.FAIL, f"{said}: misses the {kind} of {threshold:g}"
    elif bound is None:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said}: the evaluation gave no confidence bound to judge the {kind} of {threshold:g} by"
    elif bound >= threshold if floor_wanted else bound <= threshold:
        outcome, sentence = Outcome.PASS, f"{said}, bound {bound:.4f}: meets the {kind} of {threshold:g}"
    else:
        outcome, needed = Outcome.INCONCLUSIVE, rows_to_narrow(rows, value, bound, threshold)
        more = f"about {needed} gate rows would settle it" if needed else "it sits there; more rows cannot settle it"
        sentence = f"{said}, bound {bound:.4f}: the {kind} of {threshold:g} is not proven; {more}"
        missing = (MissingRows(have=rows, needed=needed),)
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=value,
        bound=bound,
        threshold=threshold,
        direction="floor" if floor_wanted else "ceiling",
        missing=missing,
    )


def measured_ceiling(
    name: str, what: str, value: float, ceiling: float, *, unit: str, noise: float | None = None
) -> Check:
    """A quantity without a sampling distribution (size, peak memory) or with very few samples (cold start).

    `noise` is the factor by which identical bytes differed on that machine: a timing within it is INCONCLUSIVE.
    """
    if not finite(value) or value < 0:
        return invalid(name, f"{what} is missing or not a finite number", threshold=ceiling, unit=unit)
    said = f"{what} {value:.4g} {unit}"
    if value <= ceiling:
        outcome, sentence = Outcome.PASS, f"{said}: within {ceiling:g} {unit}"
    elif noise is not None and value / noise <= ceiling:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said}: over {ceiling:g} {unit}, but within this machine's noise of {noise:.2f}x; measure again"
    else:
        outcome, sentence = Outcome.FAIL, f"{said}: over {ceiling:g} {unit}"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=value,
        bound=value,
        threshold=ceiling,
        unit=unit,
        direction="ceiling",
    )


def measured_floor(name: str, what: str, value: float, floor: float, *, unit: str, noise: float) -> Check:
    """A rate without a sampling distribution; below the floor, but within `noise` of it, it is INCONCLUSIVE."""
    if not finite(value) or value < 0:
        return invalid(name, f"{what} is missing or not a finite number", threshold=floor, unit=unit)
    said = f"{what} {value:.4g} {unit}"
    if value >= floor:
        outcome, sentence = Outcome.PASS, f"{said}: meets {floor:g} {unit}"
    elif value * noise >= floor:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said}: below {floor:g} {unit}, but within this machine's noise of {noise:.2f}x; measure again"
    else:
        outcome, sentence = Outcome.FAIL, f"{said}: below {floor:g} {unit}"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=value,
        bound=value,
        threshold=floor,
        unit=unit,
        direction="floor",
    )


def percentile_ceiling(
    name: str,
    what: str,
    percentiles: Sequence[Percentile],
    wanted: float,
    ceiling: float,
    *,
    queries: int,
    noise: float,
) -> Check:
    """A latency percentile judged by LoadGen's early-stopping upper bound.

    Without that bound the sample is too small to pass. It can still fail: when half of the queries are slower than a
    p90 or p99 allows, no further query can change that.
    """
    found = _percentile(percentiles, wanted)
    if found is None or not finite(found.value_ms):
        return invalid(name, f"{what} is missing or not a finite number", threshold=ceiling, unit="ms")
    if found.upper_bound_ms is not None and not finite(found.upper_bound_ms):
        return invalid(name, f"the upper bound of {what} is not a finite number", threshold=ceiling, unit="ms")
    bound = found.upper_bound_ms
    said = f"{what} {found.value_ms:.3g} ms" + ("" if bound is None else f", at most {bound:.3g} ms")
    median = _percentile(percentiles, 50)
    hopeless = wanted >= 90 and queries >= _HALF_IS_PLENTY and median is not None and median.value_ms / noise > ceiling
    if bound is None and not hopeless:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said} on {queries} queries: {found.missing} more queries are needed for a bound"
    elif bound is not None and bound <= ceiling:
        outcome, sentence = Outcome.PASS, f"{said}: within {ceiling:g} ms"
    elif found.value_ms <= ceiling:
        outcome, sentence = Outcome.INCONCLUSIVE, f"{said}: {ceiling:g} ms is not proven; more queries would narrow it"
    elif found.value_ms / noise <= ceiling:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said}: over {ceiling:g} ms, but within this machine's noise of {noise:.2f}x; measure again"
    else:
        outcome, sentence = Outcome.FAIL, f"{said}: over {ceiling:g} ms"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=found.value_ms,
        bound=bound,
        threshold=ceiling,
        unit="ms",
        direction="ceiling",
    )


def ratio_floor(name: str, what: str, ratio: Ratio, floor: float, *, noise: float) -> Check:
    """A speed-up judged by the lower end of its interval over interleaved blocks."""
    if not finite(ratio.value, ratio.low, ratio.high):
        return invalid(name, f"{what} is not a finite number", threshold=floor, unit="x")
    said = f"{what} {ratio.value:.2f}x, at least {ratio.low:.2f}x"
    if ratio.low >= floor:
        outcome, sentence = Outcome.PASS, f"{said}: meets the floor of {floor:g}x"
    elif ratio.value * noise >= floor:
        outcome = Outcome.INCONCLUSIVE
        sentence = (
            f"{said}: the floor of {floor:g}x is not proven; more interleaved blocks on a quieter machine would tell"
        )
    else:
        outcome, sentence = Outcome.FAIL, f"{said}: below the floor of {floor:g}x"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=ratio.value,
        bound=ratio.low,
        threshold=floor,
        unit="x",
        direction="floor",
    )


def unless_unsettled(check: Check, disturbance: Disturbance | None, unsettled: Sequence[str]) -> Check:
    """A timing's check, where a failure counts only if time could tell; a PASS stays one.

    Others who disturb the machine can only widen the bounds that a PASS needs; a ratio's two sides they hit alike, block by
    block. `unsettled`: as in Evidence; where times that were provisional chose the ladder, a settled one may be faster.
    """
    if check.outcome is not Outcome.FAIL:
        return check
    busy = f"the machine was busy ({disturbance.sentence})" if disturbance is not None and disturbance.disturbed else ""
    made = f"the bundle was made by times that are provisional ({'; '.join(unsettled)})" if unsettled else ""
    why = " and ".join(filter(None, (busy, made)))
    if not why:
        return check
    said = f"{check.sentence}; but {why}: measure again"
    return check.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "sentence": said})


def at_rate(qps: float | None, why: str) -> str:
    """How a Server scenario was run, to follow what was measured; empty where nothing is known of it."""
    return f" at {qps:.4g} queries/s ({why})" if qps is not None and why else ""


def noise_factor(noise: Ratio) -> float | None:
    """How far apart identical bytes were measured, as a factor of at least 1; None if that was not measured."""
    if not finite(noise.low, noise.high) or noise.low <= 0:
        return None
    return max(1.0, noise.high, 1 / noise.low)


def finite(*values: float) -> bool:
    """Whether all values are numbers that a rule can be applied to."""
    return all(math.isfinite(value) for value in values)


def _percentile(percentiles: Sequence[Percentile], wanted: float) -> Percentile | None:
    return next((entry for entry in percentiles if math.isclose(entry.percentile, wanted)), None)
