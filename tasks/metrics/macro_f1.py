"""Macro F1 as an `evaluate` metric."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.local_metric import LocalMetric


class MacroF1(LocalMetric):
    """`{"macro_f1": unweighted mean of the labels' F1}`.

    The mean is over the labels that occur among references or predictions, or over those of them that `labels` (an
    argument of `compute`) names: with it, an answer outside the set, such as abstaining, is a miss but no label of
    its own.
    """

    description = "Unweighted mean over labels of the harmonic mean of precision and recall."

    def _compute(
        self, predictions: NDArray[np.int64], references: NDArray[np.int64], labels: Sequence[int] | None = None
    ) -> dict[str, float]:
        occurring, ids = np.unique(np.concatenate([references, predictions]), return_inverse=True)
        reference_ids, predicted_ids = np.split(ids, [len(references)])
        count = len(occurring)
        hits = np.bincount(reference_ids[reference_ids == predicted_ids], minlength=count)
        sizes = np.bincount(reference_ids, minlength=count) + np.bincount(predicted_ids, minlength=count)
        counted = np.ones(count, dtype=bool) if labels is None else np.isin(occurring, np.asarray(labels))
        if not counted.any():
            raise ValueError("no row has any of the labels, so macro F1 is undefined")
        return {"macro_f1": float((2 * hits / sizes)[counted].mean())}
