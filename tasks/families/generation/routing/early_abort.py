"""When to give the small model up after its first tokens: chosen on tune for the least expected cost.

Only rows that go on anyway gain by it, so doubt among the first tokens has to tell them from those that stop; and what they
gain is less the draft that the next path would have had. Most is gained by the rare answers of a model that has lost its way:
they run on until they are cut. An abort never adds harm: the next path answers instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_GAIN: Final = 0.01
"""Share of the expected cost below which an abort is not worth a rule."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Beginning:
    """The first `tokens` of (rows,) answers: least log-probability among them, whether the answer was whole by then,

    and what an answer costs up to there, in milliseconds.
    """

    tokens: int
    doubt: Floats
    whole: Flags
    cost_ms: float


@dataclass(frozen=True)
class EarlyAbort:
    """`least`: the least log-probability among the first `tokens` with which the rest is awaited."""

    tokens: int
    least: float

    def gives_up(self, beginning: Beginning) -> Flags:
        """(rows,) whether an answer is given up."""
        return (beginning.doubt < self.least) & ~beginning.whole


def cheapest_abort(
    beginnings: Sequence[Beginning], stops: Flags, *, cost_ms: Floats, behind_ms: float, alone_ms: float
) -> EarlyAbort | None:
    """The abort that saves most, None where none saves enough.

    `stops`: (rows,) whether a whole answer stops here; `cost_ms`: (rows,) of a whole answer; `behind_ms`: of the next path
    with that as a draft; `alone_ms`: of the next path by itself, which is what it costs at most without.
    """
    least_gain = LEAST_GAIN * (cost_ms.mean() + (~stops).mean() * behind_ms)
    best, most = None, least_gain
    for beginning in beginnings:
        gain = np.where(stops, cost_ms, cost_ms + behind_ms) - (beginning.cost_ms + alone_ms)
        gain[beginning.whole] = 0.0
        order = np.argsort(beginning.doubt, kind="stable")
        doubts, total = beginning.doubt[order], np.cumsum(gain[order]) / len(stops)
        ends_a_tie = np.append(doubts[:-1] < doubts[1:], True)
        total[~ends_a_tie] = -np.inf
        last = int(total.argmax())
        if total[last] > most:
            above = doubts[last + 1] if last + 1 < len(doubts) else 0.0
            best, most = EarlyAbort(beginning.tokens, float((doubts[last] + above) / 2)), float(total[last])
    return best
