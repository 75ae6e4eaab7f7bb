"""From many thresholds to one chain of settings, on tune alone (docs/certificate.md, section 1).

For a price mu of one lost answer, stopping at path k costs mu times its net harm there, and going on costs the next path
and what follows. Backward recursion gives one threshold per path; a falling mu gives the chain, safest setting first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRID: Final = 48
TIE_MARGIN: Final = 0.1
"""How far (in log-odds) below the lowest score a threshold lies that lets every row stop: away from rounding ties."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PathView:
    """One path as the router sees it on (rows,) inputs: stop score, whether it may stop, and whether it is right."""

    score: Floats
    may_stop: NDArray[np.bool_]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class Routed:
    """Where each of (rows,) inputs stops (number of the path), and whether the answer is right."""

    stops: NDArray[np.int64]
    right: NDArray[np.bool_]

    def expected_cost(self, cumulative: Floats) -> float:
        """Mean cost for (paths,) summed costs up to each path."""
        return float(cumulative[self.stops].mean())

    def shares(self, paths: int) -> Floats:
        """(paths,) share of inputs that stop at each."""
        return np.bincount(self.stops, minlength=paths) / len(self.stops)


def route(paths: Sequence[PathView], thresholds: Sequence[float]) -> Routed:
    """Send every row through the ladder; `thresholds` has one entry per path but the last."""
    last = len(paths) - 1
    stops = np.full(len(paths[0].right), last)
    for number in reversed(range(last)):
        path = paths[number]
        stops[path.may_stop & (path.score >= thresholds[number])] = number
    right = np.stack([path.right for path in paths])
    return Routed(stops, right[stops, np.arange(len(stops))])


def build_chain(
    paths: Sequence[PathView], reference_right: NDArray[np.bool_], costs: Floats
) -> list[tuple[float, ...]]:
    """Settings in order, safest first: thresholds for every path but the last. `costs`: (paths,) own cost of each."""
    settings: list[tuple[float, ...]] = [(np.inf,) * (len(paths) - 1)]
    decisions = [route(paths, settings[0]).stops]
    loss = [reference_right.astype(np.float64) - path.right for path in paths]
    harm = [_net_harm(path, own_loss) for path, own_loss in zip(paths, loss, strict=True)]
    for price in float(costs.sum()) * np.logspace(5, -1, GRID):
        thresholds = _thresholds(paths, harm, loss[-1], costs, price)
        stops = route(paths, thresholds).stops
        if not any(np.array_equal(stops, known) for known in decisions):
            settings.append(thresholds)
            decisions.append(stops)
    return settings


def _thresholds(
    paths: Sequence[PathView], harm: Sequence[Floats], last_loss: Floats, costs: Floats, price: float
) -> tuple[float, ...]:
    value = np.full(len(last_loss), price * last_loss.mean())
    thresholds: list[float] = []
    for number in reversed(range(len(paths) - 1)):
        path = paths[number]
        going_on = costs[number + 1] + value
        stopping = price * harm[number]
        threshold = _best_threshold(path, going_on - stopping)
        stops = path.may_stop & (path.score >= threshold)
        value = np.where(stops, stopping, going_on)
        thresholds.append(threshold)
    return tuple(reversed(thresholds))


def _net_harm(path: PathView, loss: Floats) -> Floats:
    """Half isotonic regression of the loss, half the logistic harm that the stop score is the log-odds of.

    The isotonic half has a top block where tune shows no harm at all; the logistic half keeps falling there, so that the
    chain has settings between "never stop" and the edge of that block.
    """
    return (_falling(path.score, loss, path.may_stop) + 1 / (1 + np.exp(path.score))) / 2


def _falling(score: Floats, target: Floats, used: NDArray[np.bool_]) -> Floats:
    """Isotonic regression of (rows,) target on score, falling, fitted on the rows `used`, evaluated on all."""
    from sklearn.isotonic import IsotonicRegression

    if not used.any():
        return np.full(len(score), np.inf)
    model = IsotonicRegression(increasing=False, out_of_bounds="clip")
    return model.fit(score[used], target[used]).predict(score)


def _best_threshold(path: PathView, advantage: Floats) -> float:
    """The threshold with the largest summed advantage of stopping over going on: halfway to the first row below it."""
    order = np.flatnonzero(path.may_stop)
    order = order[np.argsort(-path.score[order], kind="stable")]
    scores, total = path.score[order], np.cumsum(advantage[order])
    ends_a_tie = np.append(scores[:-1] > scores[1:], True)[: len(scores)]
    if not len(scores) or (best := np.where(ends_a_tie, total, -np.inf)).max() <= 0:
        return np.inf
    last = int(best.argmax())
    if last + 1 == len(scores):
        return float(scores[last] - TIE_MARGIN)
    return float((scores[last] + scores[last + 1]) / 2)
