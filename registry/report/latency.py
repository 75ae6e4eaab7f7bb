"""The picture of SingleStream latencies: histogram, percentiles with their upper bounds, SLOs, and the run over time.

A routed model's latency has one hump per path; the strip over time shows whether the machine was disturbed.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from registry.report.labels import Box, text_width
from registry.report.svg import Drawing, Scale, covering
from tasks.formatting import is_measured, limit, milliseconds
from tasks.recipe import FamilyGates
from tasks.records import BenchmarkResult, Percentile

SHOWN_PERCENTILES: Final = (50.0, 90.0, 99.0)
_STRIP_HEIGHT: Final = 92.0
_FARTHEST_OBJECTIVE: Final = 40.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line in the histogram with its name above."""

    value_ms: float
    text: str
    css: str


def objectives(gates: FamilyGates) -> dict[str, float]:
    """The latency SLOs of the recipe in milliseconds, by percentile name."""
    named = {"p50": gates.latency_p50_ms, "p90": gates.latency_p90_ms, "p99": gates.latency_p99_ms}
    return {name: value for name, value in named.items() if value is not None}


def single_stream_percentiles(benchmark: BenchmarkResult) -> list[Percentile]:
    """The percentiles of the SingleStream scenario that the picture marks."""
    scenario = next((scenario for scenario in benchmark.scenarios if scenario.name == "SingleStream"), None)
    known = scenario.percentiles if scenario else ()
    return [p for p in known if p.percentile in SHOWN_PERCENTILES and is_measured(p.value_ms) and p.value_ms > 0]


def latency_picture(benchmark: BenchmarkResult, gates: FamilyGates) -> Markup:
    """The picture in two layouts, of which the page shows the one that fits; empty when nothing was measured."""
    latencies = [value for value in benchmark.latencies_ms if is_measured(value) and value > 0]
    if len(latencies) < 2:
        return Markup("")
    wide = _draw(latencies, benchmark, gates, 920, 390, bins=80)
    narrow = _draw(latencies, benchmark, gates, 360, 360, bins=36)
    return wide.render("picture wide") + narrow.render("picture narrow")


def far_objectives(benchmark: BenchmarkResult, gates: FamilyGates) -> dict[str, float]:
    """SLOs so far from every latency that drawing them would squeeze the picture."""
    slowest = max((value for value in benchmark.latencies_ms if is_measured(value)), default=0.0)
    return {name: value for name, value in objectives(gates).items() if value > _FARTHEST_OBJECTIVE * slowest}


def _marks(benchmark: BenchmarkResult, gates: FamilyGates) -> list[Mark]:
    far = far_objectives(benchmark, gates)
    slos = [
        Mark(value, f"SLO {name} ≤ {limit(value, 'ms')}", "slo")
        for name, value in objectives(gates).items()
        if name not in far
    ]
    percentiles = single_stream_percentiles(benchmark)
    return [Mark(p.value_ms, f"p{p.percentile:g} {milliseconds(p.value_ms)}", "percentile") for p in percentiles] + slos


def _draw(
    latencies: list[float], benchmark: BenchmarkResult, gates: FamilyGates, width: float, height: float, *, bins: int
) -> Drawing:
    marks = _marks(benchmark, gates)
    bounds = [p.upper_bound_ms for p in single_stream_percentiles(benchmark) if p.upper_bound_ms is not None]
    values = latencies + [mark.value_ms for mark in marks] + [bound for bound in bounds if is_measured(bound)]
    size = 13 if width > 500 else 11.5
    frame = Box(12, 0, width - 12, height - _STRIP_HEIGHT - 50)
    across = covering(values, frame.left, frame.right, margin=0.03, logarithmic=True)
    lanes = _lanes(marks, across, frame, size)
    top = 10 + (1 + max((lane for lane, _, _ in lanes), default=0)) * 1.35 * size
    picture = Drawing(
        width, height, "Histogram of SingleStream latencies with percentiles and SLOs, and latencies over time"
    )
    for percentile in single_stream_percentiles(benchmark):
        if percentile.upper_bound_ms is not None and is_measured(percentile.upper_bound_ms):
            left, right = across(percentile.value_ms), across(percentile.upper_bound_ms)
            note = f"p{percentile.percentile:g}: early-stopping upper bound {milliseconds(percentile.upper_bound_ms)}"
            span = {"x": left, "y": top, "width": max(right - left, 0.5), "height": frame.bottom - top}
            picture.add("rect", "bound", tooltip=note, **span)
    _draw_histogram(picture, latencies, across, top=top, bottom=frame.bottom, bins=bins)
    for mark, (lane, x, anchor) in zip(marks, lanes, strict=True):
        baseline = 4 + (lane + 1) * 1.35 * size - 0.3 * size
        picture.line(across(mark.value_ms), baseline + 4, across(mark.value_ms), frame.bottom, mark.css)
        picture.text(x, baseline, mark.text, f"note {mark.css}-text", anchor)
    _draw_axis(picture, across, frame, ticks=10 if width > 500 else 6)
    _draw_strip(picture, latencies, Box(frame.left, height - _STRIP_HEIGHT + 12, frame.right, height - 24))
    return picture


def _lanes(marks: list[Mark], across: Scale, frame: Box, size: float) -> list[tuple[int, float, str]]:
    """Row, x and text anchor of each mark's name, so that no two names in one row overlap."""
    ends: list[float] = []
    placed: dict[int, tuple[int, float, str]] = {}
    for index in sorted(range(len(marks)), key=lambda i: marks[i].value_ms):
        half = text_width(marks[index].text, size) / 2
        x = min(max(across(marks[index].value_ms), frame.left + half), frame.right - half)
        lane = next((lane for lane, end in enumerate(ends) if x - half > end + 8), len(ends))
        ends[lane : lane + 1] = [x + half]
        placed[index] = (lane, x, "middle")
    return [placed[index] for index in range(len(marks))]


def _draw_histogram(
    picture: Drawing, latencies: list[float], across: Scale, *, top: float, bottom: float, bins: int
) -> None:
    counts = [0] * bins
    spread = math.log(across.high / across.low)
    for value in latencies:
        counts[min(bins - 1, int(math.log(value / across.low) / spread * bins))] += 1
    step = (across.end - across.start) / bins
    for index, number in enumerate(counts):
        if number:
            bar = max((bottom - top - 6) * number / max(counts), 1.0)
            edges = f"{milliseconds(across.between(index / bins))} – {milliseconds(across.between((index + 1) / bins))}"
            place = {"x": across.start + index * step, "y": bottom - bar, "width": step - 1, "height": bar}
            picture.add("rect", "bin", tooltip=f"{edges}: {number} requests", **place)


def _draw_axis(picture: Drawing, across: Scale, frame: Box, ticks: int) -> None:
    picture.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
    for tick in across.ticks(ticks):
        picture.line(across(tick), frame.bottom, across(tick), frame.bottom + 5, "axis")
        picture.text(across(tick), frame.bottom + 19, f"{tick:g}", "tick", "middle")
    middle = (frame.left + frame.right) / 2
    picture.text(middle, frame.bottom + 38, "latency of one request (ms, logarithmic)", "axis-name", "middle")


def _draw_strip(picture: Drawing, latencies: list[float], frame: Box) -> None:
    """Mean (line) and maximum (dots) of groups of consecutive requests, on a logarithmic scale."""
    groups = max(2, min(int((frame.right - frame.left) / 11), len(latencies) // 4))
    size = len(latencies) / groups
    chunks = [latencies[int(i * size) : max(int((i + 1) * size), int(i * size) + 1)] for i in range(groups)]
    up = covering(latencies, frame.bottom, frame.top, margin=0.04, logarithmic=True)
    across = Scale(0, max(groups - 1, 1), frame.left + 3, frame.right - 3)
    picture.polyline([(across(i), up(statistics.fmean(chunk))) for i, chunk in enumerate(chunks)], "over-time")
    for index, chunk in enumerate(chunks):
        picture.add("circle", "slowest", cx=across(index), cy=up(max(chunk)), r=1.6)
    picture.line(frame.left, frame.bottom + 2, frame.right, frame.bottom + 2, "axis")
    middle = (frame.left + frame.right) / 2
    picture.text(middle, frame.bottom + 18, "over time: mean (line) and slowest (dots) of each group", "tick", "middle")
