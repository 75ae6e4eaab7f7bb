"""What a compression technique must show to earn its place: faster on the target, and no worse beyond its limits.

It is kept if the 95 % interval of the interleaved ratio is above 1 and the exact paired test rejects, on tune, that it loses
more accuracy than its budget. Where its answers are tokens, perplexity and sameness of the greedy answers have limits, too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.records import PairedTest, Technique
from tasks.statistics.paired_test import paired_test
from tasks.statistics.speed_ratio import paired_ratio

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
    """A model on the tune rows: (rows,) whether it is right, (blocks,) its milliseconds per row, and its size."""

    name: str
    right: NDArray[np.bool_]
    block_ms: NDArray[np.float64]
    size_mb: float
    perplexity: float | None = None


def judge(
    name: str,
    own: Measured,
    parent: Measured,
    *,
    parity: float,
    agreement: float,
    limits: Limits,
    must_be_faster: bool = True,
) -> Technique:
    """The technique that made `own` of `parent`, both timed in the same blocks, and whether it is kept.

    `parity`, `agreement`: as in Technique. `must_be_faster`: not where the parent cannot serve on the target at all.
    """
    test = paired_test(parent.right, own.right, limits.budget, limits.confidence)
    speedup = paired_ratio(parent.block_ms, own.block_ms)
    missed = limits.misses(test, perplexity=own.perplexity, parent_perplexity=parent.perplexity, agreement=agreement)
    if must_be_faster and not speedup.low > 1:
        missed.insert(0, f"not measured faster than its parent ({speedup.value:.2f}x)")
    return Technique(
        name=name,
        parent=parent.name,
        kept=not missed,
        reason="dropped: " + "; ".join(missed) if missed else _kept(speedup.value, test, own, parent, must_be_faster),
        speedup=speedup,
        accuracy=float(own.right.mean()),
        parent_accuracy=float(parent.right.mean()),
        test=test,
        size_mb=own.size_mb,
        parent_size_mb=parent.size_mb,
        parity=parity,
        agreement=agreement,
        mean_ms=float(np.median(own.block_ms)),
        parent_mean_ms=float(np.median(parent.block_ms)),
        perplexity=own.perplexity,
        parent_perplexity=parent.perplexity,
    )


def is_better(own: Technique, other: Technique) -> bool:
    """Whether to prefer one of two techniques with the same parent: the faster one; where neither is by CLEARLY_FASTER, the

    one that answers more like the parent, since every other answer uses up a part of what the certificate may promise.
    """
    gained = (own.parent_mean_ms / own.mean_ms) / (other.parent_mean_ms / other.mean_ms)
    if 1 / CLEARLY_FASTER < gained < CLEARLY_FASTER and own.agreement != other.agreement:
        return own.agreement > other.agreement
    return gained > 1


def _kept(speedup: float, test: PairedTest, own: Measured, parent: Measured, must_be_faster: bool) -> str:
    gain = f"{speedup:.2f}x faster" if must_be_faster else f"{parent.name} cannot serve on the target"
    cost = f"loses {test.loss:+.2%} on tune (budget {test.epsilon:.1%}, p = {test.p_value:.3g})"
    if own.perplexity is None or parent.perplexity is None:
        return f"kept: {gain}, {cost}"
    return f"kept: {gain}, {cost}, perplexity {own.perplexity / parent.perplexity - 1:+.1%}"
