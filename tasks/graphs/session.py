"""Running ONNX graphs row by row through the engine's own paths, to compare what they answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.classification.ladder import EncoderPath
from engine.classification.model import run_ladder
from engine.session import open_session
from engine.tokenization import Ids
from tasks.recipe.target import Target


class ChainRunner:
    """Segments in order from ids to the last logits, one row at a time."""

    def __init__(self, graphs: Sequence[Path], target: Target) -> None:
        """Open the graphs with the target's execution provider and threads."""
        self.paths = [
            EncoderPath(
                graph.stem, open_session(graph, threads=target.threads, execution_provider=target.execution_provider)
            )
            for graph in graphs
        ]

    def __call__(self, ids: Ids) -> NDArray[np.float32]:
        """(tokens,) ids → (labels,) logits of the last exit."""
        return self.all_exits(ids)[-1]

    def all_exits(self, ids: Ids) -> list[NDArray[np.float32]]:
        """(tokens,) ids → (labels,) logits of every exit."""
        return [logits for logits, _ in run_ladder(self.paths, ids)[0]]


class MonolithRunner(ChainRunner):
    """One graph from ids to logits: a chain of one."""

    def __init__(self, graph: Path, target: Target) -> None:
        """Open the graph with the target's execution provider and threads."""
        super().__init__([graph], target)
