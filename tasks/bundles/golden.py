"""Which rows a bundle's golden set asks: such as every machine answers alike, since no decision about them is a near thing."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.operating_points import OperatingPoint
from tasks.certification.chain import PathView, route

GOLDEN_ROWS: Final = 16
GOLDEN_MARGIN: Final = 0.05
FEWEST_GOLDEN_ROWS: Final = 4
"""Where no row is clear enough to be compared in its own right."""


def golden_texts(texts: Sequence[str], views: Sequence[PathView], point: OperatingPoint) -> list[str]:
    """Texts whose route is no near thing, spread over the paths; where every route is, those that are the least near."""
    rows = clear_rows(views, point)
    if not rows:
        rows = np.argsort(-route_margins(views, point), kind="stable")[:FEWEST_GOLDEN_ROWS].tolist()
    return [texts[row] for row in rows]


def clear_rows(views: Sequence[PathView], point: OperatingPoint) -> list[int]:
    """Rows whose route is no near thing, spread over the paths."""
    stops = route(views, point.thresholds).stops
    clear = route_margins(views, point) > GOLDEN_MARGIN
    chosen: list[int] = []
    for path in range(len(views)):
        chosen += np.flatnonzero(clear & (stops == path))[: max(1, GOLDEN_ROWS // len(views))].tolist()
    return chosen


def route_margins(views: Sequence[PathView], point: OperatingPoint) -> NDArray[np.float64]:
    """(rows,) how far each row's stop scores are from the thresholds that decide its route, at the nearest of them."""
    stops = route(views, point.thresholds).stops
    margins = np.full(len(stops), np.inf)
    for path, threshold in enumerate(point.thresholds):
        away = np.abs(np.asarray(views[path].score, dtype=np.float64) - threshold)
        margins = np.minimum(margins, np.where(stops < path, np.inf, away))
    return margins
