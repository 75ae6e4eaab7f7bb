"""Which ladder to certify: whose segments, what the last path is, and whether evidence adds up there.

A cheaper last path that answers differently from the reference path spends the promise before the router starts: harms and
gains that cancel on average do not cancel in one draw of certify rows. So every candidate goes the whole way on tune, chain
and simulated certificates, and the one with the least expected cost at the promised loss is certified first; but none whose
bundle would miss the gate on size before one that would not. Certify is not looked at.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import PathEntry
from engine.out_of_scope import EmbeddingSpace
from engine.router import PathRule
from tasks.records import LadderCandidate
from tasks.router.certify import CertifiedPoints, Subject, first_certified
from tasks.router.chain import build_chain
from tasks.router.costs import Costs
from tasks.router.material import Material
from tasks.router.planning import plan_walk
from tasks.router.rules import FittedPath, fit_rules
from tasks.router.views import ReadSplit, read_split

REFERENCE_LAST: Final = "reference path last"
CARRIES: Final = "evidence adds up to the last path"
ALONE: Final = "last path alone"


@dataclass(frozen=True)
class Source:
    """One set of segments: its entries, all answers, and spaces and measured costs with the reference path's at the end."""

    model: str
    entries: tuple[PathEntry, ...]
    material: Material
    spaces: Sequence[EmbeddingSpace | None]
    costs: Costs


@dataclass(frozen=True)
class Ladder:
    """One candidate with its rules, its costs (paths,), its answers, tune with cross-fitted stop scores, and its chain.

    `fits`: whether a bundle of it would keep to the gate on size.
    """

    source: Source
    variant: str
    rules: tuple[PathRule, ...]
    costs: NDArray[np.float64]
    answers: Material
    tune: ReadSplit
    chain: list[tuple[float, ...]]
    predicted_cost_ms: float = math.inf
    fits: bool = True

    @property
    def ends_with_reference(self) -> bool:
        """Whether the reference path is the last one."""
        return self.variant == REFERENCE_LAST

    @property
    def otherwise_ms(self) -> float:
        """What a row costs at worst where nothing is certified: every path, and the reference path after them."""
        return float(self.source.costs.paths.sum())

    def record(self, *, chosen: bool) -> LadderCandidate:
        """What evidence and report keep of it; no predicted cost where nothing could be certified."""
        cost = self.predicted_cost_ms if math.isfinite(self.predicted_cost_ms) else None
        name = f"{self.source.model}, {self.variant}"
        return LadderCandidate(name=name, predicted_cost_ms=cost, fits=self.fits, chosen=chosen)


def candidates(
    sources: Sequence[Source],
    reference_right: NDArray[np.bool_],
    out_of_scope_id: int | None,
    *,
    false_rejection: float,
    epsilon: float,
    delta: float,
    fits: Callable[[Ladder], bool] = lambda _: True,
) -> list[Ladder]:
    """Every source in every variant, those that fit first, cheapest prediction first. `reference_right`: (tune rows,)."""
    built = []
    for source in sources:
        early: tuple[FittedPath, ...] = ()
        for variant in (REFERENCE_LAST, CARRIES, ALONE):
            material = source.material.with_reference_last() if variant == REFERENCE_LAST else source.material
            tune = material.tune.ladder
            fitted = fit_rules(
                source.spaces[: len(tune.paths)],
                tune,
                reference_right,
                out_of_scope_id,
                false_rejection,
                last_carries=variant == CARRIES,
                known=early[: len(tune.paths) - 1],
            )
            early = early or fitted.paths[:-1]
            costs = source.costs.paths[: len(fitted.paths)]
            totals = np.cumsum(costs)
            view = fitted.view(tune.truth)
            chain = build_chain(view.views, reference_right, costs)
            ladder = Ladder(source, variant, fitted.rules(totals), costs, material, view, chain)
            plan = plan_walk(
                chain,
                view.views,
                reference_right,
                totals,
                certify_rows=len(material.certify.ladder.truth),
                epsilon=epsilon,
                delta=delta,
                otherwise_ms=ladder.otherwise_ms,
                first_is_reference=ladder.ends_with_reference,
            )
            built.append(replace(ladder, predicted_cost_ms=plan.expected_cost_ms, fits=fits(ladder)))
    return sorted(built, key=lambda ladder: (not ladder.fits, ladder.predicted_cost_ms))


def certified_ladder(
    ladders: Sequence[Ladder],
    tune_reference: NDArray[np.bool_],
    certify_reference: NDArray[np.bool_],
    out_of_scope_id: int | None,
    *,
    epsilons: Collection[float],
    epsilon: float,
    confidence: float,
    delta: float,
) -> tuple[Ladder, CertifiedPoints] | None:
    """What `first_certified` finds. `tune_reference`, `certify_reference`: (rows,) whether the reference path is right."""

    def subject_of(ladder: Ladder) -> Subject:
        return Subject(
            settings=ladder.chain,
            tune=ladder.tune.views,
            tune_right=tune_reference,
            certify=read_split(ladder.answers.certify.ladder, ladder.rules, out_of_scope_id).views,
            certify_right=certify_reference,
            cumulative=np.cumsum(ladder.costs),
            names=[rule.name for rule in ladder.rules],
            otherwise_ms=ladder.otherwise_ms,
            ends_with_reference=ladder.ends_with_reference,
        )

    return first_certified(ladders, subject_of, epsilons=epsilons, epsilon=epsilon, confidence=confidence, delta=delta)
