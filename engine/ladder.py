"""The paths of a bundle in order, without the router: what each of them answers for one row of ids."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engine.lexical import LexicalModel

Floats = NDArray[np.float32]


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

    def run(self, request: Request) -> tuple[Floats, Floats | None]:
        """Logits (labels,) and embedding (hidden,), the latter None where the path has none."""
        ...


class LexicalPath:
    """The lexical model as a path."""

    def __init__(self, name: str, model: LexicalModel) -> None:
        """`name` as in the manifest."""
        self.name = name
        self.model = model

    def run(self, request: Request) -> tuple[Floats, None]:
        """Logits (labels,); there is no embedding."""
        logits, request.novelty = self.model.answer(request.ids)
        return logits, None


class EncoderPath:
    """One segment of the encoder as a path. The session is shared by all threads."""

    def __init__(self, name: str, session: onnxruntime.InferenceSession) -> None:
        """`session` takes `input_ids` (first segment) or `hidden_in`, and `attention_mask`."""
        self.name = name
        self.session = session
        names = {tensor.name for tensor in session.get_inputs()}
        self._is_first = "input_ids" in names
        self._outputs = [tensor.name for tensor in session.get_outputs()]
        self._is_last = "hidden" not in self._outputs

    def run(self, request: Request) -> tuple[Floats, Floats]:
        """Logits (labels,) and embedding (hidden,); leaves the hidden states in the request."""
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
