"""What a compression technique must show to earn its place: faster on the target, and no worse beyond its limits.

It is kept if the interleaved ratio is shown to be above 1 (tasks.timing.speed) and the exact paired test rejects, on tune,
that it loses more accuracy than its budget. Where its answers are tokens, perplexity and sameness of the greedy answers have
limits, too. What misses a limit, or is shown to be no faster, is dropped; what time could not settle is undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.records import PairedTest, Technique
from tasks.statistics.paired_test import paired_test
from tasks.timing.speed import AS_FAST, Speed

CLEARLY_FASTER: Final = 1.15


@dataclass(frozen=True)
class Limits:
    """What a technique may lose against its parent: accuracy at most (`budget`, shown at `confidence`), of perplexity at most

    a share more, and at least this share of the same answers; None is no limit.
    """

    budget: float
    confidence: float
    max_perplexity_increase: float | None = None
    min_agreement: float | None = None

    def misses(
        self, test: PairedTest, *, perplexity: float | None, parent_perplexity: float | None, agreement: float
    ) -> list[str]:
        """Which limits are not kept, in words."""
        missed = []
        if not test.p_value <= 1 - self.confidence:
            missed.append(
                f"not shown to lose less than its budget of {self.budget:.1%} (loses {test.loss:+.2%}, p = {test.p_value:.3g})"
            )
        if self.max_perplexity_increase is not None and perplexity is not None and parent_perplexity is not None:
            rise = perplexity / parent_perplexity - 1
            if not rise <= self.max_perplexity_increase:
                missed.append(f"perplexity {rise:+.1%}, more than {self.max_perplexity_increase:+.1%}")
        if self.min_agreement is not None and not agreement >= self.min_agreement:
            missed.append(f"{agreement:.1%} of the answers stay the same, less than {self.min_agreement:.1%}")
        return missed


@dataclass(frozen=True)
class Measured:
    """A model on the tune rows: (rows,) whether it is right, and its size."""

    name: str
    right: NDArray[np.bool_]
    size_mb: float
    perplexity: float | None = None


def judge(
    name: str,
    own: Measured,
    parent: Measured,
    speed: Speed,
    *,
    parity: float,
    agreement: float,
    limits: Limits,
    must_be_faster: bool = True,
) -> Technique:
    """The technique that made `own` of `parent`: kept, dropped or undecided. `speed`: of the two, and whether it is enough.

    `parity`, `agreement`: as in Technique. `must_be_faster`: not where the parent cannot serve on the target at all.
    """
    test = paired_test(parent.right, own.right, limits.budget, limits.confidence)
    missed = limits.misses(test, perplexity=own.perplexity, parent_perplexity=parent.perplexity, agreement=agreement)
    undecided = must_be_faster and speed.answer is None and not missed
    if must_be_faster and speed.answer is False:
        missed.insert(0, f"not measured faster than its parent ({speed.times})")
    if missed:
        reason = "dropped: " + "; ".join(missed)
    else:
        faster = speed.sentence if undecided else f"{speed.ratio.value:.2f}x faster{speed.by}"
        gain = faster if must_be_faster else f"{parent.name} cannot serve on the target"
        reason = f"{'undecided' if undecided else 'kept'}: {gain}, {_cost(test, own, parent)}"
    return Technique(
        name=name,
        parent=parent.name,
        kept=not missed and not undecided,
        undecided=undecided,
        reason=reason,
        speedup=speed.ratio,
        accuracy=float(own.right.mean()),
        parent_accuracy=float(parent.right.mean()),
        test=test,
        size_mb=own.size_mb,
        parent_size_mb=parent.size_mb,
        parity=parity,
        agreement=agreement,
        mean_ms=speed.own_ms,
        parent_mean_ms=speed.parent_ms,
        perplexity=own.perplexity,
        parent_perplexity=parent.perplexity,
        clock=speed.clock,
        blocks=speed.blocks,
    )


def preferred(tried: Sequence[Technique]) -> Technique | None:
    """Of techniques with one parent the one to take: of the fastest, and all that are not clearly slower, the one that answers

    most like the parent, since every other answer uses up a part of what the certificate may promise; of those the first.
    One that is undecided counts by its estimate, where that is more than noise ahead of the parent. None where none is.
    """
    able = [each for each in tried if each.kept or (each.undecided and each.speedup.value > AS_FAST)]
    fastest = max((each.speedup.value for each in able), default=0.0)
    near = [each for each in able if each.speedup.value * CLEARLY_FASTER > fastest]
    return max(near, key=lambda each: each.agreement, default=None)


def _cost(test: PairedTest, own: Measured, parent: Measured) -> str:
    cost = f"loses {test.loss:+.2%} on tune (budget {test.epsilon:.1%}, p = {test.p_value:.3g})"
    if own.perplexity is None or parent.perplexity is None:
        return cost
    return f"{cost}, perplexity {own.perplexity / parent.perplexity - 1:+.1%}"
