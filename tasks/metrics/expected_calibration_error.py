"""Expected calibration error as an `evaluate` metric; the mathematics is in `tasks.statistics.calibration_error`."""

from types import MappingProxyType

import datasets
import numpy as np
from numpy.typing import NDArray

from tasks.metrics.local_metric import LocalMetric
from tasks.statistics.calibration_error import expected_calibration_error


class ExpectedCalibrationError(LocalMetric):
    """`{"expected_calibration_error": …}` over bins of equal mass; `compute` also takes `confidences` in [0, 1]."""

    description = "Mean over bins of equal mass of the distance between accuracy and mean confidence."
    extra_features = MappingProxyType({"confidences": datasets.Value("float64")})

    def _compute(
        self,
        predictions: NDArray[np.int64],
        references: NDArray[np.int64],
        confidences: NDArray[np.float64],
        bins: int = 15,
    ) -> dict[str, float]:
        return {"expected_calibration_error": expected_calibration_error(confidences, predictions == references, bins)}
