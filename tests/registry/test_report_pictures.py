"""The pictures of the report: what is drawn lies where it is, and no label covers another."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.report.cost_accuracy import Point, mixing, pareto_front
from registry.report.labels import Box, Label, place, text_width
from registry.report.paths import optimal_share
from registry.report.svg import Scale
from tests.registry.report_page import report_content, shown


def test_random_mixing_is_the_straight_line_between_its_ends() -> None:
    mixture = mixing(report_content())
    assert mixture is not None
    cheap, full = mixture.cheap, mixture.full
    middle = (cheap.cost_ms + full.cost_ms) / 2
    assert mixture.accuracy_at(middle) == pytest.approx((cheap.accuracy + full.accuracy) / 2)
    assert mixture.accuracy_at(full.cost_ms * 1.01) is None


def test_optimal_share_is_one_for_the_oracle_and_zero_for_random_choice() -> None:
    content = report_content()
    for cost, expected in (
        (content.evidence.router.oracle_cost_ms, 1.0),
        (content.evidence.router.random_cost_ms, 0.0),
    ):
        router_at = content.evidence.router.model_copy(update={"expected_cost_ms": cost})
        assert optimal_share(shown(content, router=router_at)) == pytest.approx(expected)


points = st.builds(
    lambda cost, accuracy: Point("p", cost, accuracy, "circle", "path-1"),
    st.floats(0.01, 100),
    st.floats(0, 1),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(points, max_size=12))
def test_the_pareto_front_holds_exactly_what_no_other_point_beats(candidates: list[Point]) -> None:
    def beaten(point: Point) -> bool:
        return any(
            (o.cost_ms <= point.cost_ms and o.accuracy > point.accuracy)
            or (o.cost_ms < point.cost_ms and o.accuracy >= point.accuracy)
            for o in candidates
        )

    front = {(point.cost_ms, point.accuracy) for point in pareto_front(candidates)}
    assert front == {(point.cost_ms, point.accuracy) for point in candidates if not beaten(point)}


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-3, 1e4), st.floats(1.05, 1e4), st.booleans(), st.integers(3, 12))
def test_scales_are_monotone_and_their_ticks_lie_inside(
    low: float, spread: float, logarithmic: bool, most: int
) -> None:
    scale = Scale(low, low * spread, 10, 500, logarithmic=logarithmic)
    assert scale(low) == pytest.approx(10)
    assert scale(low * spread) == pytest.approx(500)
    ticks = scale.ticks(most)
    assert ticks == sorted(ticks)
    assert all(10 - 1e-6 <= scale(tick) <= 500 + 1e-6 for tick in ticks)
    assert scale.between(0.5) == pytest.approx(math.sqrt(spread) * low if logarithmic else low * (1 + spread) / 2)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(20, 580), st.floats(20, 380)), min_size=1, max_size=10))
def test_minor_labels_never_cover_another_label(places: list[tuple[float, float]]) -> None:
    labels = [Label(f"path {i}", x, y, 5, "path-1", minor=True) for i, (x, y) in enumerate(places)]
    placed = place(labels, size=12, frame=Box(0, 0, 600, 400))
    boxes = [Box(p.x, p.y - 10, p.x + text_width(p.label.text, 12), p.y + 2) for p in placed]
    assert all(one.overlap(two) == 0 for i, one in enumerate(boxes) for two in boxes[i + 1 :])
