"""Which ladder to certify: whose segments, what the last path is, and whether evidence adds up there.

A cheaper last path that answers differently from the reference path spends the promise before the router starts: harms and
gains that cancel on average do not cancel in one draw of certify rows. So every candidate goes the whole way on tune, chain
and simulated certificates, and the one with the least expected cost at the promised loss is certified first; but none whose
bundle would miss the gate on size before one that would not. Certify is not looked at.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import PathEntry
from engine.classification.out_of_scope import EmbeddingSpace
from engine.classification.router import PathRule
from tasks.certification.candidate import Candidate, in_order
from tasks.certification.certify import CertifiedPoints, Subject, first_certified
from tasks.certification.chain import build_chain
from tasks.certification.planning import ChainOnTune, Promise
from tasks.families.classification.routing.costs import Costs
from tasks.families.classification.routing.material import Material
from tasks.families.classification.routing.rules import FittedPath, fit_rules
from tasks.families.classification.routing.views import read_split
from tasks.statistics.attempts import attempt_level

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


@dataclass(frozen=True, kw_only=True)
class Ladder(Candidate):
    """One candidate with its rules and its answers; its stop scores on tune are cross-fitted."""

    source: Source
    variant: str
    rules: tuple[PathRule, ...]
    answers: Material

    @property
    def name(self) -> str:
        """Whose segments, which variant."""
        return f"{self.source.model}, {self.variant}"


def candidates(
    sources: Sequence[Source],
    reference_right: NDArray[np.bool_],
    out_of_scope_id: int | None,
    *,
    false_rejection: float,
    promise: Promise,
    fits: Callable[[Ladder], bool] = lambda _: True,
) -> list[Ladder]:
    """Every source in every variant, `in_order`. `reference_right`: (tune rows,)."""
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
            ladder = Ladder(
                source=source,
                variant=variant,
                rules=fitted.rules(totals),
                answers=material,
                costs=costs,
                tune=ChainOnTune(chain, view.views, reference_right, totals, variant == REFERENCE_LAST),
                # At worst every path, and the reference path after them.
                otherwise_ms=float(source.costs.paths.sum()),
            )
            built.append(replace(ladder, fits=fits(ladder)))
    return in_order(built, promise)


def certified_ladder(
    ladders: Sequence[Ladder],
    certify_reference: NDArray[np.bool_],
    out_of_scope_id: int | None,
    *,
    epsilons: Collection[float],
    epsilon: float,
    confidence: float,
    attempt: int,
) -> tuple[Ladder, CertifiedPoints] | None:
    """What `first_certified` finds. `certify_reference`: (rows,) whether the reference path is right; `attempt`: see Subject."""

    def subject_of(ladder: Ladder) -> Subject:
        return Subject(
            tune=ladder.tune,
            certify=read_split(ladder.answers.certify.ladder, ladder.rules, out_of_scope_id).views,
            certify_right=certify_reference,
            names=[rule.name for rule in ladder.rules],
            otherwise_ms=ladder.otherwise_ms,
            attempt=attempt,
        )

    delta = attempt_level(1 - confidence, attempt)
    return first_certified(ladders, subject_of, epsilons=epsilons, epsilon=epsilon, confidence=confidence, delta=delta)
