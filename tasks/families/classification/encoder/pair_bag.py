"""The trainable form of the lexical path: what engine.classification.lexical computes, in PyTorch, and how it is trained.

Token vectors start as the leading principal components of the encoder's own word vectors, so that words which training
never saw still mean something. The loss mixes gold labels with the reference path's soft labels (Hinton et al. 2015);
tokens and pairs are left out at random, which keeps the label.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.classification.lexical import EPSILON, Ids, LexicalModel, LexicalVocabulary
from tasks.families.classification.recipe import LexicalConfig
from tasks.finite import require_finite_loss, require_finite_weights

START_DEVIATION: Final = 0.2
PAIR_DEVIATION: Final = 0.02
NO_LABEL: Final = -100
HIDDEN_DROPOUT: Final = 0.2


class PairBag(nn.Module):
    """Sum of vectors → unit root mean square → ReLU → labels."""

    def __init__(self, vectors: Tensor, labels: int) -> None:
        """`vectors`: (members, width), where training starts."""
        super().__init__()
        self.vectors = nn.EmbeddingBag.from_pretrained(vectors, freeze=False, mode="sum")
        self.head = nn.Linear(vectors.shape[1], labels)

    def forward(self, members: Tensor, starts: Tensor) -> Tensor:
        """Logits (rows, labels); `members`: vectors of all rows one after the other; `starts` (rows,): where each begins."""
        summed = self.vectors(members, starts)
        hidden = functional.relu(summed * torch.rsqrt(summed.square().mean(dim=-1, keepdim=True) + EPSILON))
        return self.head(functional.dropout(hidden, HIDDEN_DROPOUT, self.training))


def build_vocabulary(rows: Sequence[Ids], tokens: int, min_rows: int) -> LexicalVocabulary:
    """Every pair that at least `min_rows` rows have."""
    everything = LexicalVocabulary.of((), tokens)
    counts: Counter[int] = Counter()
    for ids in rows:
        counts.update(np.unique(everything.keys(ids)).tolist())
    return LexicalVocabulary.of([key for key, count in counts.items() if count >= min_rows], tokens)


def fit(
    vocabulary: LexicalVocabulary,
    rows: Sequence[Ids],
    labels: NDArray[np.int64],
    extra: Sequence[Ids],
    teacher: NDArray[np.float32],
    word_vectors: NDArray[np.float32],
    config: LexicalConfig,
    seed: int,
    progress: Callable[[float], None],
) -> LexicalModel:
    """Train on (rows,) label ids and the teacher's logits (rows + extra, labels); deterministic by seed.

    `extra`: rows without gold labels.
    """
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    members = [vocabulary.members(ids)[0] for ids in (*rows, *extra)]
    table = starting_vectors(vocabulary, word_vectors, config.width)
    # Vectors of tokens that no row has stay as they are: training only the others takes a fraction of the time.
    trained = np.unique(np.concatenate(members))
    members = [np.searchsorted(trained, row) for row in members]
    model = PairBag(table[trained], teacher.shape[1])
    truth = torch.from_numpy(np.concatenate([labels, np.full(len(extra), NO_LABEL)]))
    soft = torch.softmax(torch.from_numpy(teacher), dim=-1)
    batches = max(1, len(members) // config.batch_size)
    epochs = max(config.epochs, -(-config.min_steps // batches))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, epochs * batches)

    def bags(batch: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        thinned = [row[chance.random(len(row)) >= config.dropout] for row in (members[i] for i in batch)]
        starts = np.cumsum([0, *(len(row) for row in thinned[:-1])])
        return torch.from_numpy(np.concatenate(thinned)), torch.from_numpy(starts)

    model.train()
    for epoch in range(epochs):
        for number, batch in enumerate(np.array_split(chance.permutation(len(members)), batches), start=1):
            logits = model(*bags(batch))
            chosen = torch.from_numpy(batch)
            hard = functional.cross_entropy(logits, truth[chosen], ignore_index=NO_LABEL, reduction="sum") / len(batch)
            distilled = functional.kl_div(functional.log_softmax(logits, dim=-1), soft[chosen], reduction="batchmean")
            loss = (1 - config.distillation) * hard + config.distillation * distilled
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            require_finite_loss(
                loss.item(),
                step=epoch * batches + number,
                learning_rate=float(schedule.get_last_lr()[0]),
                phase="lexical path, ",
                field="lexical.learning_rate",
            )
        progress((epoch + 1) / epochs)
    require_finite_weights("the lexical path", model, field="lexical.learning_rate")
    table[trained] = model.vectors.weight.detach()
    return frozen(table, model.head, vocabulary)


def starting_vectors(vocabulary: LexicalVocabulary, word_vectors: NDArray[np.float32], width: int) -> Tensor:
    """(tokens + pairs, width): tokens from `word_vectors` (tokens, any width), pairs small noise."""
    pairs = torch.randn(len(vocabulary.pairs), width) * PAIR_DEVIATION
    return torch.cat((_principal(word_vectors, width), pairs))


def frozen(vectors: Tensor, head: nn.Linear, vocabulary: LexicalVocabulary) -> LexicalModel:
    """The engine's form of a trained model; `vectors` (tokens + pairs, width)."""
    table = vectors.detach().numpy()
    scales = (np.abs(table).max(axis=1, initial=0) / 127).astype(np.float32)
    rounded = np.rint(table / np.maximum(scales, 1e-12)[:, None]).astype(np.int8)
    weights, bias = (tensor.detach().numpy().copy() for tensor in (head.weight.T, head.bias))
    return LexicalModel(vocabulary, rounded, scales, np.ascontiguousarray(weights), bias)


def _principal(vectors: NDArray[np.float32], width: int) -> Tensor:
    """(tokens, width) leading principal components at one common scale; noise fills up a width that is too large."""
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    leading = centred @ axes[:, np.argsort(-values)][:, :width]
    leading *= START_DEVIATION / max(float(leading.std()), 1e-12)
    filled = torch.randn(len(vectors), width) * PAIR_DEVIATION
    filled[:, : leading.shape[1]] = torch.from_numpy(np.ascontiguousarray(leading, dtype=np.float32))
    return filled
