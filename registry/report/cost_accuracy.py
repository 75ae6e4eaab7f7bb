"""The picture of cost against accuracy: every path alone, the router, random mixing, the oracle, and the static models.

A router earns its place only above the line of randomly mixing its two endpoint models and beyond the Pareto front of
single compressed models, so both are always drawn beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from registry.report.content import ReportContent
from registry.report.labels import Box, Label, place
from registry.report.palette import path_class
from registry.report.svg import Drawing, Scale, covering
from tasks.formatting import budget, is_measured, milliseconds, percent, percent_range
from tasks.records import Interval

_MIXING_STEPS: Final = 48
_REFERENCE: Final = "fp32"
_FUSION: Final = "fuse"  # its result is the fp32 reference itself
_LOGARITHMIC_FROM: Final = 6.0


@dataclass(frozen=True, slots=True)
class Point:
    """One way to answer: mean cost, accuracy with its interval where it has one; a `minor` one may go unlabelled."""

    name: str
    cost_ms: float
    accuracy: float
    shape: str
    css: str
    radius: float = 5.5
    low: float | None = None
    high: float | None = None
    minor: bool = False
    note: str = "gate"

    @property
    def tooltip(self) -> str:
        """What a pointer over the marker shows."""
        interval = ""
        if self.low is not None and self.high is not None:
            interval = f" ({percent_range(self.low, self.high)})"
        return f"{self.name}: {milliseconds(self.cost_ms)}, {percent(self.accuracy)}{interval} on {self.note}"


@dataclass(frozen=True, slots=True)
class Mixing:
    """Answering a random share of the rows with the dearest path and the others with the cheapest one."""

    cheap: Point
    full: Point

    def accuracy_at(self, cost_ms: float) -> float | None:
        """Expected accuracy of the mixture whose mean cost is `cost_ms`; None outside the two ends."""
        if not self.cheap.cost_ms <= cost_ms <= self.full.cost_ms:
            return None
        share = (cost_ms - self.cheap.cost_ms) / (self.full.cost_ms - self.cheap.cost_ms)
        return self.cheap.accuracy + share * (self.full.accuracy - self.cheap.accuracy)


def path_points(content: ReportContent) -> list[Point]:
    """Every path used alone, in ladder order, on the gate rows."""
    paths = content.evidence.evaluation.paths
    return [
        _judged(path.name, path.cost_ms, path.accuracy, "circle", path_class(index, len(paths)))
        for index, path in enumerate(paths)
        if _drawable(path.cost_ms, path.accuracy.value)
    ]


def router_point(content: ReportContent) -> Point | None:
    """The chosen operating point at its predicted expected cost."""
    cost, accuracy = content.evidence.router.expected_cost_ms, content.evidence.evaluation.accuracy
    return _judged("router", cost, accuracy, "star", "router", radius=10) if _drawable(cost, accuracy.value) else None


def mixing(content: ReportContent) -> Mixing | None:
    """The random mixture of the cheapest path and the last one, where the ladder has two that differ in cost."""
    points = path_points(content)
    if len(points) < 2 or points[0].cost_ms >= points[-1].cost_ms:
        return None
    return Mixing(points[0], points[-1])


def static_points(content: ReportContent) -> list[Point]:
    """Single models: the best compressed one and the fp32 reference on the gate rows, the other variants on tune."""
    evaluation, techniques = content.evidence.evaluation, content.evidence.compression.techniques
    points = []
    if _drawable(content.evidence.router.static_cost_ms, evaluation.static_accuracy.value):
        name = content.evidence.compression.static_precision
        points.append(
            _judged(name, content.evidence.router.static_cost_ms, evaluation.static_accuracy, "square", "static")
        )
    reference_ms = next((t.parent_mean_ms for t in techniques if t.parent == _REFERENCE), None)
    if reference_ms is not None and _drawable(reference_ms, evaluation.reference_accuracy.value):
        points.append(
            _judged("fp32 reference", reference_ms, evaluation.reference_accuracy, "triangle", "reference", radius=6.5)
        )
    points += [
        Point(t.name, t.mean_ms, t.accuracy, "square", "hollow static", radius=4, minor=True, note="tune")
        for t in techniques
        if t.name not in {_FUSION, content.evidence.compression.static_precision} and _drawable(t.mean_ms, t.accuracy)
    ]
    return points


def pareto_front(points: Iterable[Point]) -> list[Point]:
    """The points that no cheaper point equals or beats, by ascending cost."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost_ms, -p.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def cost_accuracy_picture(content: ReportContent) -> Markup:
    """The picture in two layouts, of which the page shows the one that fits; empty when nothing was measured."""
    if not path_points(content) and router_point(content) is None:
        return Markup("")
    wide, narrow = _draw(content, 920, 480, wide=True), _draw(content, 360, 400, wide=False)
    return wide.render("picture wide") + narrow.render("picture narrow")


def _judged(name: str, cost_ms: float, accuracy: Interval, shape: str, css: str, radius: float = 5.5) -> Point:
    return Point(name, cost_ms, accuracy.value, shape, css, radius, low=accuracy.low, high=accuracy.high)


def _drawable(cost_ms: float, accuracy: float) -> bool:
    return is_measured(cost_ms) and cost_ms > 0 and is_measured(accuracy)


def _operating_points(content: ReportContent) -> list[Point]:
    reference = content.evidence.evaluation.reference_accuracy.value
    return [
        Point(
            f"ε {budget(certificate.epsilon)}",
            certificate.expected_cost_ms,
            reference - certificate.test.loss,
            "diamond",
            "hollow router",
            minor=True,
            note="certify, taken from the reference's accuracy on gate",
        )
        for certificate in content.evidence.router.certificates
        if certificate.certified
        and certificate.expected_cost_ms != content.evidence.router.expected_cost_ms
        and _drawable(certificate.expected_cost_ms, reference - certificate.test.loss)
    ]


def _random_path(content: ReportContent, paths: list[Point]) -> list[Point]:
    if len(paths) < 2 or not _drawable(content.evidence.router.random_cost_ms, paths[0].accuracy):
        return []
    accuracy = sum(point.accuracy for point in paths) / len(paths)
    return [
        Point(
            "random path", content.evidence.router.random_cost_ms, accuracy, "cross", "random", radius=4.5, minor=True
        )
    ]


def _draw(content: ReportContent, width: float, height: float, *, wide: bool) -> Drawing:
    paths, router = path_points(content), router_point(content)
    points = [*([router] if router else []), *paths, *static_points(content), *_operating_points(content)]
    points += _random_path(content, paths)
    oracle = content.evidence.router.oracle_cost_ms if is_measured(content.evidence.router.oracle_cost_ms) else 0.0
    measured_ms = content.adaptive.mean_ms if content.adaptive else None
    costs = [point.cost_ms for point in points] + [cost for cost in (oracle, measured_ms or 0.0) if cost > 0]
    frame = Box(52 if wide else 42, 16, width - 16, height - (48 if wide else 44))
    logarithmic = max(costs) / min(costs) >= _LOGARITHMIC_FROM
    across = covering(costs, frame.left, frame.right, margin=0.07, logarithmic=logarithmic)
    ends = [
        end
        for point in points
        for end in (point.low, point.accuracy, point.high)
        if end is not None and is_measured(end)
    ]
    up = covering(ends, frame.bottom, frame.top, margin=0.08)
    picture = Drawing(
        width, height, "Cost against accuracy of every path alone, the router, random mixing and static models"
    )
    _draw_axes(picture, frame, across, up, wide=wide)
    if oracle > 0:
        picture.line(across(oracle), frame.top, across(oracle), frame.bottom, "oracle")
        picture.text(across(oracle) + 5, frame.bottom - 8, f"oracle {milliseconds(oracle)}", "note oracle-text")
    mixture = mixing(content)
    if mixture:
        _draw_mixing(picture, mixture, across, up)
    front = pareto_front(static_points(content))
    if len(front) > 1:
        picture.polyline([(across(p.cost_ms), up(p.accuracy)) for p in front], "front")
    picture.polyline([(across(p.cost_ms), up(p.accuracy)) for p in paths], "ladder")
    rings = []
    if router and measured_ms and is_measured(measured_ms):
        picture.line(across(router.cost_ms), up(router.accuracy), across(measured_ms), up(router.accuracy), "measured")
        note = f"router, measured on the target: {milliseconds(measured_ms)}"
        picture.marker("circle", across(measured_ms), up(router.accuracy), 4, "hollow router", note)
        rings.append(_around(across(measured_ms), up(router.accuracy), 9))
    _draw_points(picture, points, frame, across, up, size=13 if wide else 11.5, obstacles=rings)
    return picture


def _draw_axes(picture: Drawing, frame: Box, across: Scale, up: Scale, *, wide: bool) -> None:
    for tick in up.ticks(7 if wide else 6):
        picture.line(frame.left, up(tick), frame.right, up(tick), "grid")
        picture.text(frame.left - 8, up(tick) + 4, f"{100 * tick:g}", "tick", "end")
    for tick in across.ticks(11 if wide else 6):
        picture.line(across(tick), frame.bottom, across(tick), frame.bottom + 5, "axis")
        picture.text(across(tick), frame.bottom + 19, f"{tick:g}", "tick", "middle")
    picture.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
    scale = ", logarithmic" if across.logarithmic else ""
    middle = (frame.left + frame.right) / 2
    picture.text(
        middle, frame.bottom + 39, f"mean cost per request (ms{scale}) — left is better", "axis-name", "middle"
    )
    picture.text(frame.left, frame.top - 3, "accuracy (%)", "axis-name")


def _draw_mixing(picture: Drawing, mixture: Mixing, across: Scale, up: Scale) -> None:
    low, high = mixture.cheap.cost_ms, mixture.full.cost_ms
    costs = [low * (high / low) ** (step / _MIXING_STEPS) for step in range(1, _MIXING_STEPS)]
    inner = [(cost, mixture.accuracy_at(cost) or mixture.cheap.accuracy) for cost in costs]
    line = [(low, mixture.cheap.accuracy), *inner, (high, mixture.full.accuracy)]
    picture.polyline([(across(cost), up(accuracy)) for cost, accuracy in line], "mixing")


def _draw_points(
    picture: Drawing,
    points: list[Point],
    frame: Box,
    across: Scale,
    up: Scale,
    *,
    size: float,
    obstacles: list[Box],
) -> None:
    for point in points:
        if point.low is not None and point.high is not None and is_measured(point.low) and is_measured(point.high):
            x = across(point.cost_ms)
            picture.line(x, up(point.low), x, up(point.high), f"interval {point.css}")
    for point in reversed(points):
        x, y = across(point.cost_ms), up(point.accuracy)
        picture.marker(point.shape, x, y, point.radius, f"mark {point.css}", point.tooltip)
    labels = [
        Label(point.name, across(point.cost_ms), up(point.accuracy), point.radius, point.css, point.minor)
        for point in points
    ]
    for placed in place(labels, size=size, frame=frame, obstacles=obstacles):
        picture.text(placed.x, placed.y, placed.label.text, f"label {placed.label.css}")


def _around(x: float, y: float, radius: float) -> Box:
    return Box(x - radius, y - radius, x + radius, y + radius)
