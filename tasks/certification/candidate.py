"""What the ladders of every family have in common: a chain on tune, its expected cost, and the order in which they are tried.

Should the first choice not be certified, the best ladder that ends with the reference path is tried as the last resort, and
is what serves. So that is what a failure costs a first choice that may fail.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.certification.planning import ChainOnTune, Promise
from tasks.records import LadderCandidate
from tasks.timing.speed import AS_FAST

FALLBACK_SHARE: Final = 0.05
"""Share of delta kept for the last resort, where the first choice may fail."""


@dataclass(frozen=True, kw_only=True)
class Candidate(ABC):
    """One ladder that could be certified: its paths' own costs (paths,), and its chain as tune sees it.

    `otherwise_ms`: cost of what serves where it is not certified. `fits`: whether a bundle of it would keep to the gate on
    size, and run on the target's device.
    """

    costs: NDArray[np.float64]
    tune: ChainOnTune
    otherwise_ms: float
    predicted_cost_ms: float = math.inf
    fits: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is made of."""

    @property
    def ends_with_reference(self) -> bool:
        """Whether the reference path is the last one: then the safest setting loses nothing, by construction."""
        return self.tune.ends_with_reference

    def record(self, *, chosen: bool) -> LadderCandidate:
        """What evidence keeps of it; no predicted cost where nothing could be certified."""
        cost = self.predicted_cost_ms if math.isfinite(self.predicted_cost_ms) else None
        return LadderCandidate(name=self.name, predicted_cost_ms=cost, fits=self.fits, chosen=chosen)


L = TypeVar("L", bound=Candidate)


def in_order(ladders: Sequence[L], promise: Promise) -> list[L]:
    """With their expected costs, those that fit first, cheapest prediction first: the order of `tries`.

    `ladders`: in an order that time has no say in.
    """
    safe = _sorted([_expecting(ladder, promise) for ladder in ladders if ladder.ends_with_reference])
    last_resort = _expecting(safe[0], promise.at(FALLBACK_SHARE)).predicted_cost_ms
    return _sorted(
        [
            _expecting(ladder, promise)
            if ladder.ends_with_reference
            else _expecting(replace(ladder, otherwise_ms=last_resort), promise.at(1 - FALLBACK_SHARE))
            for ladder in ladders
        ]
    )


def tries(ladders: Sequence[L], delta: float) -> list[tuple[L, float]]:
    """The ladders to be certified one after the other, each with its share of delta; `ladders`: `in_order`."""
    first = ladders[0]
    if first.ends_with_reference:
        return [(first, delta)]
    # Two walks may each fail by chance: together they spend delta.
    last_resort = next(ladder for ladder in ladders if ladder.ends_with_reference)
    return [(first, delta * (1 - FALLBACK_SHARE)), (last_resort, delta * FALLBACK_SHARE)]


def _expecting(ladder: L, promise: Promise) -> L:
    return replace(ladder, predicted_cost_ms=ladder.tune.plan(promise, ladder.otherwise_ms).expected_cost_ms)


def _sorted(ladders: Sequence[L]) -> list[L]:
    """Those that fit first, then by cost; of such that cost about as much, one that ends with the reference path first.

    Among the others that are alike the order that they come in decides, so that noise in the costs does not.
    """
    left = sorted(ladders, key=lambda each: (not each.fits, each.predicted_cost_ms))
    order = {id(each): number for number, each in enumerate(ladders)}
    found: list[L] = []
    while left:
        most = left[0].predicted_cost_ms * AS_FAST
        alike = [each for each in left if each.fits == left[0].fits and each.predicted_cost_ms <= most]
        found += sorted(alike, key=lambda each: (not each.ends_with_reference, order[id(each)]))
        left = left[len(alike) :]
    return found
