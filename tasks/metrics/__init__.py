"""Metrics for the `evaluate` library, defined in the project so that no hub is asked."""

from tasks.metrics.expected_calibration_error import ExpectedCalibrationError
from tasks.metrics.macro_f1 import MacroF1

__all__ = ["ExpectedCalibrationError", "MacroF1"]
