"""Train the lexical path: multinomial logistic regression over word-piece unigrams and bigrams.

The features are the engine's own (engine.lexical), so training and run time cannot differ.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.lexical import LexicalModel, LexicalVocabulary
from engine.tokenization import Ids, TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.export import tokenizer_file
from tasks.fine_tune import examples
from tasks.model_shape import read_shape
from tasks.recipe.schema import LexicalConfig
from tasks.records import FineTuneResult, LexicalResult, SnapshotResult

LEXICAL_FILE: Final = "lexical.npz"


def train_lexical(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[FineTuneResult],
    *,
    config: LexicalConfig,
    seed: int,
    workspace: Workspace,
) -> LexicalResult:
    """Train on the train split and save `lexical.npz`; accuracy is that of the saved float16 weights, on tune."""
    tokenizer = TextTokenizer(tokenizer_file(fine_tuned), read_shape(fine_tuned.folder).max_length)
    train = examples(snapshot, "train", tokenizer)
    ids = [row["input_ids"] for row in train]
    labels = np.array([row["labels"] for row in train])
    workspace.progress(f"lexical path on {len(ids)} rows", None)
    vocabulary = build_vocabulary(ids, tokenizer.vocabulary_size, config.min_bigram_rows)
    fit_model(vocabulary, ids, labels, len(snapshot.result.labels), config, seed).save(workspace.out / LEXICAL_FILE)
    model = LexicalModel.load(workspace.out / LEXICAL_FILE)
    tune = examples(snapshot, "tune", tokenizer)
    right = [model.logits(row["input_ids"]).argmax() == row["labels"] for row in tune]
    return LexicalResult(
        features=len(model.weights),
        size_mb=(workspace.out / LEXICAL_FILE).stat().st_size / 1e6,
        tune_accuracy=float(np.mean(right)),
    )


def build_vocabulary(rows: Sequence[Ids], vocabulary_size: int, min_bigram_rows: int) -> LexicalVocabulary:
    """Every unigram of the rows is a feature, and every bigram that at least `min_bigram_rows` rows have."""
    seen = np.unique(np.concatenate(rows))
    unigrams = np.full(vocabulary_size, -1, dtype=np.int32)
    unigrams[seen] = np.arange(len(seen))
    counts: Counter[int] = Counter()
    for ids in rows:
        counts.update(set((ids[:-1] * vocabulary_size + ids[1:]).tolist()))
    bigrams = np.array(sorted(key for key, count in counts.items() if count >= min_bigram_rows), dtype=np.int64)
    features = np.arange(len(seen), len(seen) + len(bigrams), dtype=np.int32)
    return LexicalVocabulary(unigrams, bigrams, features)


def fit_model(
    vocabulary: LexicalVocabulary,
    rows: Sequence[Ids],
    labels: NDArray[np.int64],
    label_count: int,
    config: LexicalConfig,
    seed: int,
) -> LexicalModel:
    """Fit on (rows,) label ids; labels without a training row get the lowest logit of all."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    features = [vocabulary.features(ids) for ids in rows]
    lengths = np.array([len(row) for row in features])
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    width = int((vocabulary.unigrams >= 0).sum() + len(vocabulary.bigrams))
    matrix = csr_matrix((values, np.concatenate(features), offsets), shape=(len(rows), width))
    matrix.sum_duplicates()
    regression = LogisticRegression(C=config.inverse_regularization, max_iter=200, tol=1e-3, random_state=seed)
    regression.fit(matrix, labels)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = (
            np.vstack((-coefficients, coefficients)) / 2,
            np.concatenate((-intercepts, intercepts)) / 2,
        )
    weights = np.zeros((width, label_count), dtype=np.float32)
    bias = np.full(label_count, float(intercepts.min()) - 1e3, dtype=np.float32)
    weights[:, regression.classes_] = coefficients.T
    bias[regression.classes_] = intercepts
    return LexicalModel(vocabulary, weights, bias)
