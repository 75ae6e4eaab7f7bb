"""What a compression technique must show to earn its place: faster on the target, and no less accurate beyond its budget.

It is kept if the 95 % interval of the interleaved ratio is above 1 and the exact paired test rejects, on tune, that it loses
more accuracy than its budget.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.records import Technique
from tasks.statistics.paired_test import paired_test
from tasks.statistics.speed_ratio import paired_ratio

CLEARLY_FASTER: Final = 1.15


@dataclass(frozen=True)
class Measured:
    """A model on the tune rows: (rows,) whether it is right, (blocks,) its milliseconds per row, and its size."""

    name: str
    right: NDArray[np.bool_]
    block_ms: NDArray[np.float64]
    size_mb: float
    perplexity: float | None = None


def judge(
    name: str, own: Measured, parent: Measured, *, parity: float, agreement: float, budget: float, confidence: float
) -> Technique:
    """The technique that made `own` of `parent`, both timed in the same blocks, and whether it is kept.

    `parity`, `agreement`: as in Technique.
    """
    test = paired_test(parent.right, own.right, budget, confidence)
    speedup = paired_ratio(parent.block_ms, own.block_ms)
    faster, accurate = speedup.low > 1, test.p_value <= 1 - confidence
    return Technique(
        name=name,
        parent=parent.name,
        kept=faster and accurate,
        reason=_reason(faster, accurate, speedup.value, test.loss, budget, test.p_value),
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


def _reason(faster: bool, accurate: bool, speedup: float, loss: float, budget: float, p_value: float) -> str:
    if faster and accurate:
        return f"kept: {speedup:.2f}x faster, loses {loss:+.2%} on tune (budget {budget:.1%}, p = {p_value:.3g})"
    reasons = []
    if not faster:
        reasons.append(f"not measured faster than its parent ({speedup:.2f}x)")
    if not accurate:
        reasons.append(f"not shown to lose less than its budget of {budget:.1%} (loses {loss:+.2%}, p = {p_value:.3g})")
    return "dropped: " + "; ".join(reasons)
