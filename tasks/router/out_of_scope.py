"""Fit a path's out-of-scope scorer: class centres and shrunk covariance on train, ranks and threshold on tune.

Shrinkage: Ledoit and Wolf (2004). The threshold is an in-scope quantile, so it bounds the false rejections.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.confidence import energy
from engine.out_of_scope import OutOfScopeScorer
from tasks.router.answers import PathAnswers

QUANTILES: Final = np.linspace(0, 1, 257)


def fit_scorer(
    train: PathAnswers,
    train_truth: NDArray[np.int64],
    tune: PathAnswers,
    tune_in_scope: NDArray[np.bool_],
    false_rejection: float,
) -> OutOfScopeScorer:
    """`train_truth`: (rows,) label ids, negative for out-of-scope rows, which are left out."""
    logits = tune.logits[tune_in_scope]
    embeddings = None if tune.embeddings is None else tune.embeddings[tune_in_scope]
    scorer = OutOfScopeScorer(energy_quantiles=np.quantile(energy(logits), QUANTILES), threshold=1.0)
    if train.embeddings is not None and embeddings is not None:
        whitening, centres = _class_statistics(train.embeddings[train_truth >= 0], train_truth[train_truth >= 0])
        bare = OutOfScopeScorer(scorer.energy_quantiles, 1.0, whitening, centres, np.zeros(2))
        quantiles = np.quantile(bare.distance(embeddings), QUANTILES)
        scorer = OutOfScopeScorer(scorer.energy_quantiles, 1.0, whitening, centres, quantiles)
    threshold = float(np.quantile(scorer.score(logits, embeddings), 1 - false_rejection))
    return OutOfScopeScorer(
        scorer.energy_quantiles, threshold, scorer.whitening, scorer.centres, scorer.distance_quantiles
    )


def _class_statistics(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.covariance import LedoitWolf

    present = np.unique(labels)
    centres = np.stack([embeddings[labels == label].mean(axis=0, dtype=np.float64) for label in present])
    residuals = embeddings - centres[np.searchsorted(present, labels)]
    precision = LedoitWolf(assume_centered=True).fit(residuals).precision_
    whitening = np.linalg.cholesky((precision + precision.T) / 2)
    return whitening, centres @ whitening
