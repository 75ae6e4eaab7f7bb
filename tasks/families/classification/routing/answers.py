"""What every path answers for every row of a split, with no path left out: the raw material of calibration."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.classification.ladder import Path as LadderPath
from engine.classification.model import run_ladder
from engine.tokenization import TextTokenizer
from tasks.data.rows import Row
from tasks.finite import finite
from tasks.machine.child_process import usable_cpus

ABSTAIN: Final = -1
"""The answer, and the truth, of an out-of-scope row."""


@dataclass(frozen=True)
class PathAnswers:
    """One path on all rows: logits (rows, labels), embeddings (rows, hidden) or None."""

    name: str
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None


@dataclass(frozen=True)
class SplitAnswers:
    """`truth`: (rows,) label id, ABSTAIN for out-of-scope rows; `tokens`: (rows,) number of ids;

    `novelty`: (rows,) share of pairs of tokens that the lexical path never saw.
    """

    truth: NDArray[np.int64]
    tokens: NDArray[np.int64]
    novelty: NDArray[np.float64]
    paths: tuple[PathAnswers, ...]

    @property
    def in_scope(self) -> NDArray[np.bool_]:
        """(rows,) whether a row has a trained label."""
        return self.truth != ABSTAIN


def answer_rows(
    ladder: Sequence[LadderPath],
    tokenizer: TextTokenizer,
    rows: Sequence[Row],
    labels: Sequence[str],
    out_of_scope_label: str | None,
) -> SplitAnswers:
    """Run every path of the ladder on every row, one row at a time, on all cores."""
    ids = tokenizer.encode_batch([row.text for row in rows])
    with ThreadPoolExecutor(len(usable_cpus())) as pool:
        answers = list(pool.map(lambda row_ids: run_ladder(ladder, row_ids), ids))
    paths = tuple(
        PathAnswers(
            name=path.name,
            logits=finite(
                f"logits [row, label] of the path {path.name}", np.stack([paths[number][0] for paths, _ in answers])
            ),
            embeddings=_stacked([paths[number][1] for paths, _ in answers]),
        )
        for number, path in enumerate(ladder)
    )
    return SplitAnswers(
        truth=truth_ids(rows, labels, out_of_scope_label),
        tokens=np.array([len(row_ids) for row_ids in ids]),
        novelty=np.array([novelty for _, novelty in answers]),
        paths=paths,
    )


def truth_ids(rows: Sequence[Row], labels: Sequence[str], out_of_scope_label: str | None) -> NDArray[np.int64]:
    """(rows,) label ids; out-of-scope rows are ABSTAIN, whether or not a head has a class for them."""
    ids = {label: ABSTAIN if label == out_of_scope_label else index for index, label in enumerate(labels)}
    return np.array([ids.get(row.label, ABSTAIN) for row in rows], dtype=np.int64)


def _stacked(embeddings: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    present = [embedding for embedding in embeddings if embedding is not None]
    return np.stack(present) if present else None
