"""Macro F1 as an `evaluate` metric; the mathematics is in `tasks.statistics.macro_f1`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.local_metric import LocalMetric
from tasks.statistics.macro_f1 import macro_f1


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
        return {"macro_f1": macro_f1(predictions, references, labels)}
