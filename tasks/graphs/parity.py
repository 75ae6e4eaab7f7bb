"""How far a graph's answers are from its parent's, on the same rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.tokenization import Ids
from tasks.finite import finite
from tasks.machine.child_process import usable_cpus
from tasks.records import GraphParity

Runner = Callable[[Ids], NDArray[np.float32]]

EXPORT_BOUND: Final = 1e-3
"""The largest difference between the logits of a graph and of what it was exported from."""


class ParityError(RuntimeError):
    """A graph answers differently from its parent: a defect of the export, not of the data."""


def logits_of(runner: Runner, rows: Sequence[Ids]) -> NDArray[np.float32]:
    """(rows, labels) logits, one row at a time, on all cores; finite."""
    with ThreadPoolExecutor(len(usable_cpus())) as pool:
        return finite("logits [row, label] of a graph", np.stack(list(pool.map(runner, rows))))


def compare(
    graph: str, parent: str, own: NDArray[np.float32], parents: NDArray[np.float32], bound: float | None = None
) -> GraphParity:
    """Compare (rows, labels) logits; `bound` is the largest difference allowed, None where none is promised.

    UserError for logits that are not finite: no difference could be told.
    """
    finite(f"logits [row, label] of {parent}", parents)
    finite(f"logits [row, label] of {graph}", own)
    return GraphParity(
        graph=graph,
        parent=parent,
        max_abs_difference=float(np.abs(own - parents).max()),
        bound=bound,
        agreement=float((own.argmax(-1) == parents.argmax(-1)).mean()),
        rows=len(own),
    )
