"""Where along the chain to begin testing: decided on tune, before certify is looked at.

Fixed-sequence testing stops at the first failure, so every setting on the way is a hurdle, and each has its own chance to
fail by a hair. The order of the tests is free as long as certify has no say in it: the walk may begin at a setting that tune
says will pass, and the safest setting keeps a small share of delta in case it does not (Wiens 2003, "A fixed sequence
Bonferroni procedure").

Draws of certify rows are simulated from tune by a Bayesian bootstrap (Rubin 1981) with one harm added, since tune has seen
only so many rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.certification.chain import PathView, Routed, route
from tasks.statistics.paired_test import paired_p_value

PLANNED_SHARE: Final = 0.9
"""Share of delta for the walk that begins where tune says; the rest is for one from the safest setting."""
DRAWS: Final = 1000
_AS_GOOD: Final = 1.01
"""Starts whose expected costs differ by less than the simulation can tell; the furthest of them has the fewest hurdles."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """`start`: number of the setting to test first. `expected_cost_ms`: of what will be certified, as tune sees it."""

    start: int
    expected_cost_ms: float

    def tries(self, delta: float) -> tuple[tuple[int, float], ...]:
        """(first setting, level) of each walk; the levels sum to `delta`."""
        if self.start == 0:
            return ((0, delta),)
        return (self.start, delta * PLANNED_SHARE), (0, delta * (1 - PLANNED_SHARE))


@dataclass(frozen=True)
class Promise:
    """What is to be certified: a loss below `epsilon` on `certify_rows` rows at level `delta`."""

    epsilon: float
    delta: float
    certify_rows: int

    def at(self, share: float) -> "Promise":
        """The same at a share of its level."""
        return replace(self, delta=self.delta * share)


@dataclass(frozen=True)
class ChainOnTune:
    """A chain of settings as (tune rows,) see it: the paths' `views`, whether the reference path is right, (paths,) summed costs.

    `ends_with_reference`: whether the last path answers as the reference path does, by construction.
    """

    settings: Sequence[tuple[float, ...]]
    views: Sequence[PathView]
    reference_right: Flags
    cumulative: Floats
    ends_with_reference: bool

    def routed(self) -> list[Routed]:
        """Where the rows stop with each setting."""
        return [route(self.views, thresholds) for thresholds in self.settings]

    def plan(self, promise: Promise, otherwise_ms: float) -> Plan:
        """The furthest start with (about) the least expected cost; `otherwise_ms`: of what serves where nothing is certified."""
        routed, reference = self.routed(), self.reference_right[:, None]
        costs = np.array([setting.expected_cost(self.cumulative) for setting in routed])
        right = np.stack([setting.right for setting in routed], axis=1)
        harms, gains = _draws(reference & ~right, ~reference & right, promise.certify_rows)
        if self.ends_with_reference:
            harms[:, 0] = gains[:, 0] = 0
        planned = _best_costs(_certified(harms, gains, promise.at(PLANNED_SHARE)), costs)
        safest = _best_costs(_certified(harms, gains, promise.at(1 - PLANNED_SHARE)), costs)[:, 0]
        fallback = np.where(np.isfinite(safest), safest, otherwise_ms)
        expected = np.where(np.isfinite(planned), planned, fallback[:, None]).mean(axis=0)
        start = int(np.flatnonzero(expected <= expected.min() * _AS_GOOD)[-1])
        return Plan(start, float(expected[start]))


def _draws(harm: Flags, gain: Flags, certify_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(draws, settings) harms and gains on certify, from (tune rows, settings)."""
    chance = np.random.default_rng(0)
    shares = chance.gamma(1.0, size=(DRAWS, len(harm) + 1))
    shares /= shares.sum(axis=1, keepdims=True)
    counts = np.stack([chance.multinomial(certify_rows, share) for share in shares])
    seen = counts[:, :-1].astype(np.float64)  # whole numbers, but only floating point products are fast
    harms, gains = (np.rint(seen @ flags.astype(np.float64)).astype(np.int64) for flags in (harm, gain))
    return harms + counts[:, -1:], gains


def _certified(harms: NDArray[np.int64], gains: NDArray[np.int64], promise: Promise) -> Flags:
    """Whether each count rejects a loss of epsilon."""
    n, epsilon, delta = promise.certify_rows, promise.epsilon, promise.delta
    edges = np.array([_edge(n, count, epsilon, delta) for count in range(int(gains.max(initial=0)) + 1)])
    return harms <= edges[gains]


@lru_cache(maxsize=4096)
def _edge(n: int, gains: int, epsilon: float, delta: float) -> int:
    """The most harms that so many gains make up for, -1 if none: one more gain never makes up for fewer."""
    most = -1 if gains == 0 else _edge(n, gains - 1, epsilon, delta)
    while most + 1 + gains <= n and paired_p_value(n, most + 1, gains, epsilon, delta) <= delta:
        most += 1
    return most


def _best_costs(certified: Flags, costs: Floats) -> Floats:
    """(draws, settings): least cost among the settings that a walk from each certifies; infinity for none."""
    best = np.full(certified.shape, math.inf)
    for number in reversed(range(certified.shape[1])):
        further = best[:, number + 1] if number + 1 < certified.shape[1] else math.inf
        best[:, number] = np.where(certified[:, number], np.minimum(costs[number], further), math.inf)
    return best
