"""Has the mix of labels changed? The G-test with a permutation p-value, which holds for rare labels, too.

Sokal and Rohlf, Biometry (1981). Permuting which rows are new leaves the labels' totals as they are, so drawings come
straight from the multivariate hypergeometric distribution.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from tasks.drift.records import LabelShift
from tasks.statistics.permutation import permutation_p_value

FEWEST_EXPECTED: Final = 5
"""Labels with fewer expected rows in the smaller sample are pooled: alone they add noise and no power."""
_LARGEST_DRAWING: Final = 1_000_000


def label_shift(old: Sequence[str], new: Sequence[str], *, permutations: int, seed: int) -> LabelShift:
    """Compare the labels of two sets of rows. Raises ValueError where one of them is empty."""
    if not old or not new:
        raise ValueError(f"two mixes of labels are needed, got {len(old)} and {len(new)} rows")
    names = sorted({*old, *new})
    table = np.array([[counts[name] for name in names] for counts in (Counter(old), Counter(new))], dtype=np.int64)
    pooled_table, pooled = _pool(table)
    totals = pooled_table.sum(axis=0)
    random = np.random.default_rng(seed)
    chunk = max(1, _LARGEST_DRAWING // len(totals))
    statistics = [_g(pooled_table[1][None, :], totals)]
    for start in range(0, permutations, chunk):
        size = min(chunk, permutations - start)
        drawn = random.multivariate_hypergeometric(totals, len(new), size=size, method="marginals")
        statistics.append(_g(drawn, totals))
    every = np.concatenate(statistics)
    shares = table / table.sum(axis=1, keepdims=True)
    return LabelShift(
        old_rows=len(old),
        new_rows=len(new),
        labels=len(names),
        pooled=pooled,
        g=float(every[0]),
        distance=float(np.abs(shares[0] - shares[1]).sum() / 2),
        p_value=permutation_p_value(every),
    )


def _pool(table: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """(2, labels) with the rare labels as one, and how many those were.

    Only the totals decide, which no permutation changes; otherwise the p-value would not hold.
    """
    totals = table.sum(axis=0)
    rare = totals * table.sum(axis=1).min() / totals.sum() < FEWEST_EXPECTED
    if rare.sum() < 2:
        return table, 0
    return np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)]), int(rare.sum())


def _g(new: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """(count, labels) rows of the new sample → (count,) G = 2 sum O ln(O / E), over both samples."""
    n, m = totals.sum(), new.sum(axis=1, keepdims=True)
    expected_new, expected_old = totals * m / n, totals * (n - m) / n
    old = totals - new
    return 2 * (xlogy(new, new / expected_new) + xlogy(old, old / expected_old)).sum(axis=1)
