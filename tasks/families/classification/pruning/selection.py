"""Choose which layers to keep and how wide their FFNs are: least importance lost within a latency budget.

Dynamic programming over layers and latency in small steps, exact up to the rounding of a step. A layer that ends the last
remaining part of a segment cannot be dropped: every exit keeps at least one layer of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 400
TRIES: Final = 24


@dataclass(frozen=True)
class Plan:
    """`widths`: FFN width of each layer of the parent, 0 for a dropped layer. `latency_ms`: by the table."""

    widths: tuple[int, ...]
    loss: float
    latency_ms: float


def choose_widths(
    neurons: Sequence[NDArray[np.float64]],
    layers: NDArray[np.float64],
    exits: Sequence[int],
    table: Mapping[int, float],
    budget_ms: float,
) -> Plan | None:
    """The plan with the least summed importance lost whose latency is within `budget_ms`; None if none fits.

    `neurons`: importance per layer and neuron; `layers`: of whole layers; `exits`: 1-based, the last one included;
    `table`: milliseconds of one layer by FFN width.
    """
    step = budget_ms / STEPS
    ticks = {width: int(np.ceil(latency / step - 1e-9)) for width, latency in table.items()}
    # state: (ticks spent, segment has a layer yet) -> (loss, widths)
    best: dict[tuple[int, bool], tuple[float, tuple[int, ...]]] = {(0, False): (0.0, ())}
    for number, (own, whole) in enumerate(zip(neurons, layers, strict=True), start=1):
        ascending = np.concatenate(([0.0], np.cumsum(np.sort(own))))
        options = [(width, ticks[width], float(ascending[len(own) - width])) for width in table]
        options.append((0, 0, float(whole)))
        reached: dict[tuple[int, bool], tuple[float, tuple[int, ...]]] = {}
        for (spent, has_layer), (loss, widths) in best.items():
            for width, cost, lost in options:
                kept = has_layer or width > 0
                if spent + cost > STEPS or (number in exits and not kept):
                    continue
                state = (spent + cost, kept and number not in exits)
                found = (loss + lost, (*widths, width))
                if state not in reached or found < reached[state]:
                    reached[state] = found
        best = reached
    if not best:
        return None
    loss, widths = min(best.values())
    return Plan(widths, loss, sum(table[width] for width in widths if width))


def closest_plan(
    neurons: Sequence[NDArray[np.float64]],
    layers: NDArray[np.float64],
    exits: Sequence[int],
    table: Mapping[int, float],
    full_ms: float,
    speedup: float,
) -> Plan:
    """The best plan at `speedup` over `full_ms`, or at the nearest lower one that any plan reaches."""
    for wanted in np.linspace(speedup, 0.5, TRIES):
        plan = choose_widths(neurons, layers, exits, table, full_ms / float(wanted))
        if plan is not None:
            return plan
    raise ValueError("a latency table with an entry for every layer always has a plan")
