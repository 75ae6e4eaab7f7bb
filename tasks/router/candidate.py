"""What the ladders of every family have in common: a chain on tune, its expected cost, and the order in which they are tried.

Should the first choice not be certified, the best ladder that ends with the reference path is tried as the last resort, and
is what serves. So that is what a failure costs a first choice that may fail.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.records import LadderCandidate
from tasks.router.planning import ChainOnTune, Promise

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
    """With their expected costs, those that fit first, cheapest prediction first: the order of `tries`."""
    safe = _sorted(_expecting(ladder, promise) for ladder in ladders if ladder.ends_with_reference)
    last_resort = _expecting(safe[0], promise.at(FALLBACK_SHARE)).predicted_cost_ms
    others = [replace(ladder, otherwise_ms=last_resort) for ladder in ladders if not ladder.ends_with_reference]
    return _sorted([*safe, *(_expecting(ladder, promise.at(1 - FALLBACK_SHARE)) for ladder in others)])


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


def _sorted(ladders: Iterable[L]) -> list[L]:
    return sorted(ladders, key=lambda each: (not each.fits, each.predicted_cost_ms, not each.ends_with_reference))
