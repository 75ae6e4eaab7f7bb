"""The champion as the drift report sees it: its answers as it serves, and the embeddings of its cheapest encoder path."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.bundle import TOKENIZER_FILE, read_manifest, verify
from engine.classification.ladder import EncoderPath, Request
from engine.errors import BundleError, InputError
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.bundles.loading import load_bundle
from tasks.data.completions import normal_form
from tasks.drift.answer_shift import Answers
from tasks.recipe.data import AnyData
from tasks.recipe.target import Target


def champion_answers(bundle: Path, target: Target, config: AnyData) -> Callable[[list[str]], Answers]:
    """Texts to labels, None where the bundle abstains or cannot be asked, or to completions in their normal form.

    BundleError for a bundle that the engine does not load.
    """
    model = load_bundle(bundle, target)
    correct = config.correct
    if correct is None:
        return lambda texts: [prediction.label for prediction in model.predict(texts)]
    return lambda texts: [normal_form(correct, prediction.label or "") for prediction in model.predict(texts)]


def champion_embeddings(bundle: Path, target: Target) -> Callable[[list[str]], NDArray[np.float32]] | None:
    """Texts to an array (texts, hidden), by the first segment of the encoder alone; None for a bundle without encoder.

    BundleError for a bundle that is not whole.
    """
    manifest = read_manifest(bundle)
    verify(bundle, manifest)
    first = next((entry for entry in manifest.paths if entry.kind == "encoder"), None)
    if first is None:
        return None
    tokenizer = TextTokenizer(bundle / TOKENIZER_FILE, manifest.max_length)
    session = open_session(bundle / first.file, threads=target.threads, execution_provider=target.execution_provider)
    path = EncoderPath(first.name, session, batches=first.batches)

    def embed(texts: list[str]) -> NDArray[np.float32]:
        rows = []
        for answer in path.run_all([Request(ids) for ids in tokenizer.encode_batch(texts)]):
            if isinstance(answer, InputError):
                raise answer
            _, embedding = answer
            if embedding is None:
                raise BundleError(f"{bundle / first.file}: an encoder path without an embedding")
            rows.append(embedding)
        return np.stack(rows)

    return embed
