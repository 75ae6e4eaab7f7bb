"""Running ONNX graphs row by row, as the engine does, and comparing what they answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.session import open_session
from engine.tokenization import Ids
from tasks.recipe.target import Target


class MonolithRunner:
    """One graph from ids to logits, one row at a time."""

    def __init__(self, graph: Path, target: Target) -> None:
        """Open the graph with the target's execution provider and threads."""
        self.session = open_session(graph, threads=target.threads, execution_provider=target.execution_provider)

    def __call__(self, ids: Ids) -> NDArray[np.float32]:
        """(tokens,) ids → (labels,) logits."""
        return self.run(ids)[0]

    def run(self, ids: Ids) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(tokens,) ids → logits (labels,) and embedding (hidden,)."""
        feeds = {"input_ids": ids[None, :], "attention_mask": np.ones((1, len(ids)), dtype=np.int64)}
        logits, embedding = self.session.run(["logits", "embedding"], feeds)
        return logits[0], embedding[0]


class ChainRunner:
    """Segments in order from ids to the last logits, one row at a time."""

    def __init__(self, graphs: Sequence[Path], target: Target) -> None:
        """Open the graphs with the target's execution provider and threads."""
        self.sessions = [
            open_session(graph, threads=target.threads, execution_provider=target.execution_provider)
            for graph in graphs
        ]

    def __call__(self, ids: Ids) -> NDArray[np.float32]:
        """(tokens,) ids → (labels,) logits of the last exit."""
        return self.all_exits(ids)[-1]

    def all_exits(self, ids: Ids) -> list[NDArray[np.float32]]:
        """(tokens,) ids → (labels,) logits of every exit."""
        mask = np.ones((1, len(ids)), dtype=np.int64)
        features, name, answers = ids[None, :], "input_ids", []
        for session in self.sessions:
            outputs = session.run(None, {name: features, "attention_mask": mask})
            *hidden, logits, _ = outputs
            answers.append(logits[0])
            if hidden:
                features, name = hidden[0], "hidden_in"
        return answers
