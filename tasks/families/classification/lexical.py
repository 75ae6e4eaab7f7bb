"""Train the lexical path: a bag of word pieces and their pairs, from gold labels and the reference path's soft labels.

Rows become features through the engine's own code (engine.classification.lexical), so training and run time cannot differ.
"""

from typing import Final

import numpy as np

from engine.classification.lexical import LexicalModel
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.files import tokenizer_file
from tasks.families.classification.recipe import LexicalConfig
from tasks.families.classification.records import FineTuneResult, LexicalResult
from tasks.records import SnapshotResult

LEXICAL_FILE: Final = "lexical.npz"


def train_lexical(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[FineTuneResult],
    *,
    config: LexicalConfig,
    seed: int,
    workspace: Workspace,
) -> LexicalResult:
    """Train on the train split and save `lexical.npz`; accuracy is that of the saved int8 vectors, on tune."""
    from tasks.families.classification.encoder.augmentation import augmented
    from tasks.families.classification.encoder.batches import exit_logits
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.encoder.pair_bag import build_vocabulary, fit

    reference = load_model(fine_tuned.folder)
    tokenizer = TextTokenizer(tokenizer_file(fine_tuned), reference.shape.max_length)
    train = examples(snapshot, "train", tokenizer)
    ids = [row["input_ids"] for row in train]
    labels = np.array([row["labels"] for row in train])
    extra = augmented(ids, config.augmentation, tokenizer.max_length, seed)
    workspace.progress(f"soft labels of the reference path on {len(ids)} rows and {len(extra)} made of them", 0.0)
    teacher = exit_logits(reference, [*ids, *extra], reference.encoder.config.pad_token_id or 0)[:, -1]
    word_vectors = reference.encoder.get_input_embeddings().weight.detach().numpy()
    vocabulary = build_vocabulary(ids, len(word_vectors), config.min_pair_rows)

    def progress(share: float) -> None:
        workspace.progress(f"{len(ids)} rows, {len(vocabulary.pairs)} pairs", 0.5 + share / 2)

    fit(vocabulary, ids, labels, extra, teacher, word_vectors, config, seed, progress).save(
        workspace.out / LEXICAL_FILE
    )
    model = LexicalModel.load(workspace.out / LEXICAL_FILE)
    tune = examples(snapshot, "tune", tokenizer)
    right = [model.answer(row["input_ids"])[0].argmax() == row["labels"] for row in tune]
    return LexicalResult(
        pairs=len(vocabulary.pairs),
        width=config.width,
        size_mb=(workspace.out / LEXICAL_FILE).stat().st_size / 1e6,
        tune_accuracy=float(np.mean(right)),
    )
