"""How far confidences are from frequencies: the expected calibration error with bins of equal mass.

Bins of equal width (Guo et al., ICML 2017) leave most bins of an accurate model nearly empty; bins of equal mass
(Nguyen and O'Connor, EMNLP 2015; Nixon et al. 2019) spend the rows evenly.
"""

from types import MappingProxyType

import datasets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.statistics.local_metric import LocalMetric


class ExpectedCalibrationError(LocalMetric):
    """As an `evaluate` metric: `{"expected_calibration_error": …}`; `compute` also takes `confidences` in [0, 1]."""

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


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Mean over rows of |accuracy - mean confidence| of the row's bin, in [0, 1].

    `confidences` in [0, 1] and `correct` (boolean), shape (n,). The rows, in order of confidence, fall into `bins`
    bins whose sizes differ by at most one (fewer bins for fewer rows). Rows of equal confidence count with their
    common accuracy, so the result does not depend on their order. Raises ValueError for no rows, other shapes, or
    values outside [0, 1].
    """
    confidence, hit = np.asarray(confidences, dtype=np.float64), np.asarray(correct)
    if confidence.ndim != 1 or confidence.shape != hit.shape or len(confidence) == 0:
        raise ValueError(f"need two arrays of one length > 0, got shapes {confidence.shape} and {hit.shape}")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("confidences must lie in [0, 1]")
    if hit.dtype != np.bool_:
        raise ValueError(f"correct must be boolean, got {hit.dtype}")
    if bins < 1:
        raise ValueError(f"need at least one bin, got {bins}")
    ordered, accuracy = _accuracy_by_confidence(confidence, hit)
    gap_sums = [abs(part.sum()) for part in np.array_split(accuracy - ordered, min(bins, len(ordered)))]
    return float(sum(gap_sums) / len(ordered))


def _accuracy_by_confidence(
    confidence: NDArray[np.float64], hit: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidences in ascending order, and beside each the accuracy of all rows that share it; both of shape (n,)."""
    values, group, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    accuracy = np.bincount(group, weights=hit) / sizes
    return np.repeat(values, sizes), np.repeat(accuracy, sizes)
