"""Proportions with their intervals as rows with a small picture: slices, classes, operating points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.evidence import chosen_certificate
from registry.report.content import ReportContent
from tasks.formatting import is_measured
from tasks.records import Certificate, Interval, SliceAccuracy

WORST_CLASSES: Final = 10
MOST_ROWS: Final = 150


@dataclass(frozen=True, slots=True)
class Track:
    """An interval drawn on a line; all values in percent of the line's length. `limit` is a floor or budget."""

    left: float
    width: float
    dot: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Accuracy of one slice or class; `state` is `below`, `uncertain` or `met` against the floor, or empty."""

    name: str
    accuracy: Interval
    track: Track | None
    state: str = ""


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """One operating point with its observed loss and upper bound on a line."""

    certificate: Certificate
    chosen: bool
    track: Track | None


def track(low: float, value: float, high: float, *, start: float, end: float, limit: float | None = None) -> Track:
    """Places an interval on a line that runs from `start` to `end`."""

    def position(at: float) -> float:
        drawable = is_measured(at) and end > start
        return round(100 * min(max((at - start) / (end - start), 0.0), 1.0), 2) if drawable else 0.0

    left = position(low)
    width = round(max(position(high) - left, 0.0), 2)
    return Track(left, width, position(value), None if limit is None else position(limit))


def slice_rows(content: ReportContent) -> list[AccuracyRow]:
    """All slices, worst first, against `gates.slice_accuracy`."""
    gates = content.recipe.gates
    rows = _rows(content.evidence.evaluation.slices, floor=gates.slice_accuracy)
    return [_with_state(row, gates.slice_accuracy) if row.accuracy.n >= gates.slice_min_rows else row for row in rows]


def class_rows(content: ReportContent) -> list[AccuracyRow]:
    """All classes, worst first."""
    return _rows(content.evidence.evaluation.classes, floor=None)


def promise_rows(content: ReportContent) -> list[PromiseRow]:
    """All operating points by their promise, strictest first, on one common line."""
    certificates = sorted(content.evidence.router.certificates, key=lambda certificate: certificate.epsilon)
    tests = [certificate.test for certificate in certificates]
    values = [v for t in tests for v in (t.loss, t.upper_bound, t.epsilon) if is_measured(v)] + [0.0]
    start, end = min(values), max(values)
    margin = 0.06 * (end - start)
    chosen = chosen_certificate(content.evidence.router)
    return [
        PromiseRow(
            certificate,
            certificate is chosen,
            _promise_track(certificate, start=start - margin, end=end + margin),
        )
        for certificate in certificates
    ]


def _promise_track(certificate: Certificate, *, start: float, end: float) -> Track | None:
    test = certificate.test
    if not (is_measured(test.loss) and is_measured(test.upper_bound)):
        return None
    return track(test.loss, test.loss, test.upper_bound, start=start, end=end, limit=certificate.epsilon)


def _rows(slices: Sequence[SliceAccuracy], floor: float | None) -> list[AccuracyRow]:
    known = [item for item in slices if is_measured(item.accuracy.value)]
    unknown = [item for item in slices if not is_measured(item.accuracy.value)]
    start = min([item.accuracy.low for item in known if is_measured(item.accuracy.low)] + [floor or 1.0], default=0.0)
    ordered = sorted(known, key=lambda item: (item.accuracy.value, item.accuracy.low, item.name))
    rows = [
        AccuracyRow(
            item.name,
            item.accuracy,
            track(item.accuracy.low, item.accuracy.value, item.accuracy.high, start=start, end=1.0, limit=floor),
        )
        for item in ordered
    ]
    return rows + [AccuracyRow(item.name, item.accuracy, None) for item in unknown]


def _with_state(row: AccuracyRow, floor: float | None) -> AccuracyRow:
    if floor is None or not is_measured(row.accuracy.low) or not is_measured(row.accuracy.high):
        return row
    state = "met" if row.accuracy.low >= floor else "below" if row.accuracy.high < floor else "uncertain"
    return AccuracyRow(row.name, row.accuracy, row.track, state)
