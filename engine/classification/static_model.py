"""One compressed model without a router: what the adaptive model is measured against."""

import math
from collections.abc import Sequence
from pathlib import Path

from engine.bundle import TOKENIZER_FILE, read_manifest
from engine.classification.confidence import softmax
from engine.classification.ladder import EncoderPath, Request
from engine.errors import InputError
from engine.prediction import Prediction, refused
from engine.session import CPU, open_session
from engine.tokenization import TextTokenizer


class StaticModel:
    """A monolithic graph with a bundle's tokenizer and labels; abstains only by its out-of-scope label."""

    def __init__(
        self, path: EncoderPath, tokenizer: TextTokenizer, labels: tuple[str, ...], out_of_scope: str | None
    ) -> None:
        """Use `load`."""
        self._path = path
        self._tokenizer = tokenizer
        self._labels = labels
        self._out_of_scope = out_of_scope

    @classmethod
    def load(
        cls, graph: Path, bundle_folder: Path, *, threads: int = 1, execution_provider: str = CPU
    ) -> "StaticModel":
        """Open the graph; tokenizer and labels come from the bundle."""
        manifest = read_manifest(bundle_folder)
        session = open_session(graph, threads=threads, execution_provider=execution_provider)
        tokenizer = TextTokenizer(bundle_folder / TOKENIZER_FILE, manifest.max_length, manifest.vocabulary_size)
        return cls(EncoderPath(graph.stem, session), tokenizer, manifest.labels, manifest.out_of_scope_label)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One answer per text, in order, one row at a time; a row that cannot be asked gets an answer with `error`."""
        return [self._answer(text, row) for row, text in enumerate(texts)]

    def _answer(self, text: str, row: int) -> Prediction:
        try:
            logits, _ = self._path.run(Request(self._tokenizer.asked(text)))
            probabilities = softmax(logits[None, :])[0]
            if not math.isfinite(probabilities.max()):
                raise InputError("the model's numbers are not finite")
        except InputError as error:
            return refused(error, row)
        label = self._labels[int(probabilities.argmax())]
        abstained = label == self._out_of_scope
        return Prediction(
            label=None if abstained else label,
            confidence=float(probabilities.max()),
            path=self._path.name,
            abstained=abstained,
            out_of_scope_score=0.0,
            cost_ms=0.0,
        )
