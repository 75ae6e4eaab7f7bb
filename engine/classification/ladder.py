"""The paths of a bundle in order, without the router: what each of them answers for one row of ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.classification.lexical import LexicalModel
from engine.errors import InputError
from engine.session import Session

Floats = NDArray[np.float32]
Answer = tuple[Floats, Floats | None]
"""Logits (labels,) and embedding (hidden,), the latter None where a path has none."""
MOST_ROWS: Final = 32
MOST_PADDING: Final = 1.25
"""Rows of a group are at most so many times as long as its shortest."""


@dataclass(slots=True)
class Request:
    """One row on its way through the ladder.

    `ids` (tokens,).
    `novelty`: share of its pairs of tokens that training never saw, as the lexical path found it; 0 without that path.
    `hidden` (1, tokens, hidden): what the last segment left.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64] | None = None
    hidden: Floats | None = None
    novelty: float = 0.0


class Path(Protocol):
    """One way to answer; an encoder path goes on where the one before it stopped."""

    name: str

    def run(self, request: Request) -> Answer:
        """Answer one row; InputError where it cannot be run."""
        ...

    def run_all(self, requests: Sequence[Request]) -> list[Answer | InputError]:
        """Answer many rows, each as `run` would; a row that cannot be run has its error, and no other row has."""
        ...


class LexicalPath:
    """The lexical model as a path."""

    def __init__(self, name: str, model: LexicalModel) -> None:
        """`name` as in the manifest."""
        self.name = name
        self.model = model

    def run(self, request: Request) -> Answer:
        """There is no embedding."""
        logits, request.novelty = self.model.answer(request.ids)
        return logits, None

    def run_all(self, requests: Sequence[Request]) -> list[Answer | InputError]:
        """Row by row."""
        return [_run_or_error(self, request) for request in requests]


class EncoderPath:
    """One segment of the encoder as a path. The session is shared by all threads."""

    def __init__(self, name: str, session: Session, *, batches: bool = False) -> None:
        """`session` takes `input_ids` (first segment) or `hidden_in`, and `attention_mask`.

        `batches`: whether rows may share a run. They may not where int8 scales are taken from the activations at hand:
        there, the other rows of a batch would change an answer.
        """
        self.name = name
        self.session = session
        self.batches = batches
        names = {tensor.name for tensor in session.get_inputs()}
        self._is_first = "input_ids" in names
        self._outputs = [tensor.name for tensor in session.get_outputs()]
        self._is_last = "hidden" not in self._outputs

    def run(self, request: Request) -> Answer:
        """Leaves the hidden states in the request."""
        if request.mask is None:
            request.mask = np.ones((1, len(request.ids)), dtype=np.int64)
        feeds: dict[str, Any] = {"attention_mask": request.mask}
        if self._is_first:
            feeds["input_ids"] = request.ids[None, :]
        else:
            feeds["hidden_in"] = request.hidden
        if self._is_last:
            logits, embedding = self.session.run(self._outputs, feeds)
        else:
            request.hidden, logits, embedding = self.session.run(self._outputs, feeds)
        return logits[0], embedding[0]

    def run_all(self, requests: Sequence[Request]) -> list[Answer | InputError]:
        """Rows of similar length together, padded to the longest, where `batches` allows it."""
        if not self.batches:
            return [_run_or_error(self, request) for request in requests]
        answers: dict[int, Answer | InputError] = {}
        for group in by_length([len(request.ids) for request in requests]):
            together = self._run_group([requests[row] for row in group])
            answers |= dict(zip(group, together, strict=True))
        return [answers[row] for row in range(len(requests))]

    def _run_group(self, requests: Sequence[Request]) -> Sequence[Answer | InputError]:
        """Together; where that fails, which does not say whose fault it is, each apart."""
        try:
            return self._run_together(requests)
        except InputError:
            return [_run_or_error(self, request) for request in requests]

    def _run_together(self, requests: Sequence[Request]) -> list[Answer]:
        lengths = [len(request.ids) for request in requests]
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        feeds: dict[str, Any] = {"attention_mask": mask}
        if self._is_first:
            feeds["input_ids"] = np.zeros(mask.shape, dtype=np.int64)
            rows = [request.ids for request in requests]
        else:
            rows = [request.hidden[0] for request in requests if request.hidden is not None]
            feeds["hidden_in"] = np.zeros((*mask.shape, rows[0].shape[-1]), dtype=np.float32)
        padded = next(feeds[name] for name in ("input_ids", "hidden_in") if name in feeds)
        for number, row in enumerate(rows):
            padded[number, : len(row)] = row
        *hidden, logits, embeddings = self.session.run(self._outputs, feeds)
        for number, request in enumerate(requests):
            if hidden:
                request.hidden = hidden[0][number : number + 1, : lengths[number]]
        return list(zip(logits, embeddings, strict=True))


def _run_or_error(path: Path, request: Request) -> Answer | InputError:
    try:
        return path.run(request)
    except InputError as error:
        return error


def by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of rows in groups of at most MOST_ROWS, so that no row is padded by much."""
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        if not groups or len(groups[-1]) == MOST_ROWS or lengths[row] > MOST_PADDING * lengths[groups[-1][0]]:
            groups.append([])
        groups[-1].append(row)
    return groups
