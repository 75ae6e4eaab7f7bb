"""Accuracy as an `evaluate` metric."""

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.local_metric import LocalMetric


class Accuracy(LocalMetric):
    """`{"accuracy": share of rows whose prediction equals the reference}`."""

    description = "Share of rows whose prediction equals the reference."

    def _compute(self, predictions: NDArray[np.int64], references: NDArray[np.int64]) -> dict[str, float]:
        if len(references) == 0:
            raise ValueError("the accuracy of no rows is undefined")
        return {"accuracy": float((predictions == references).mean())}
