"""What one decoder answered to rows, and whether that is right: the same for every step that compares decoders on a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.generation.decoding import Decoded
from tasks.data.completions import Correctness, is_correct
from tasks.data.rows import Row
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.finite import finite


@dataclass(frozen=True)
class Answers:
    """One decoder on (rows,) rows."""

    decoded: Sequence[Decoded]
    texts: Sequence[str]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, decoder: GreedyDecoder, rows: Sequence[Row], decoded: Sequence[Decoded], correct: Correctness) -> Self:
        """What the answers say; none at all is wrong. UserError for log-probabilities that are not finite."""
        for number, answer in enumerate(decoded):
            finite(f"log-probabilities of the answer to row {number}", np.array(answer.log_probabilities))
        texts = [decoder.text(answer) for answer in decoded]
        right = [
            bool(answer.log_probabilities) and is_correct(correct, row.label, text)
            for row, answer, text in zip(rows, decoded, texts, strict=True)
        ]
        return cls(decoded, texts, np.array(right, dtype=np.bool_))

    @property
    def passes(self) -> NDArray[np.int64]:
        """(rows,) how often the model was run."""
        return np.array([answer.passes for answer in self.decoded], dtype=np.int64)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """(rows,) how many there are, the end's included: as many passes as it takes without drafts."""
        return np.array([len(answer.log_probabilities) for answer in self.decoded], dtype=np.int64)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(rows,) whether there is an answer at all: the engine refuses some prompts."""
        return self.tokens > 0

    def agreement(self, other: "Answers") -> float:
        """Share of rows with the same text."""
        return float(np.mean([own == theirs for own, theirs in zip(self.texts, other.texts, strict=True)]))
