"""Naive Bayes: how much each word of a question speaks for each topic."""

from collections import Counter

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from engine.bundle import TOKENIZER_FILE
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.records import SnapshotResult

from .recipe import CountConfig
from .records import CountedWords

WEIGHTS_FILE = "weights.npz"
BEGIN, UNKNOWN = "[BEGIN]", "[UNKNOWN]"


def count_words(snapshot: Artifact[SnapshotResult], *, config: CountConfig, workspace: Workspace) -> CountedWords:
    """Leaves the tokenizer, and the weights of all words and of the most telling ones: both (words, topics)."""
    rows, topics = read_rows(snapshot, "train"), snapshot.result.labels
    tokenizer = word_tokenizer(Counter(word for row in rows for word in row.text.lower().split() if word.isalpha()))
    tokenizer.save(str(workspace.out / TOKENIZER_FILE))
    counts = np.full((tokenizer.get_vocab_size(), len(topics)), config.smoothing)
    for row in rows:
        np.add.at(counts[:, topics.index(row.label)], tokenizer.encode(row.text).ids, 1.0)
    shares = np.log(counts / counts.sum(axis=0))
    weights = (shares - shares.mean(axis=1, keepdims=True)).astype(np.float32)
    weights[: len((BEGIN, UNKNOWN))] = 0.0  # what every row has tells nothing
    telling = np.abs(weights).max(axis=1) * counts.sum(axis=1)
    quick = np.where(telling[:, None] >= np.sort(telling)[-config.quick_words], weights, 0.0).astype(np.float32)
    np.savez(workspace.out / WEIGHTS_FILE, all=weights, quick=quick)
    return CountedWords(
        base_model="none",
        base_digest=None,
        rows=len(rows),
        words=len(weights),
        quick_words=int(quick.any(axis=1).sum()),
    )


def word_tokenizer(words: Counter[str]) -> Tokenizer:
    """Lower-cased words; every row begins with a token, so that no row has none."""
    numbers = {word: number for number, word in enumerate((BEGIN, UNKNOWN, *sorted(words)))}
    tokenizer = Tokenizer(models.WordLevel(numbers, UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)])
    tokenizer.add_special_tokens([BEGIN, UNKNOWN])
    return tokenizer
