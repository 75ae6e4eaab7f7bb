"""Figures of text classification, as the family's evaluation makes them, with given numbers."""

from collections.abc import Mapping
from typing import Any

from tasks.families.classification.figures import (
    calibration_figure,
    in_scope_figure,
    macro_f1_figure,
    out_of_scope_figures,
)
from tasks.records import Figure, Interval

LABEL = "oos"


def class_figures(
    *,
    in_scope: tuple[Interval, Interval],
    macro_f1: tuple[float, float],
    calibration_error: tuple[float, float],
    outside: Mapping[str, Any],
    label: str = LABEL,
    rows: int = 900,
) -> tuple[Figure, ...]:
    """`in_scope`: of the routed model and the reference; values with their bounds; `outside`: of out-of-scope rows."""
    return (
        in_scope_figure(*in_scope),
        macro_f1_figure(*macro_f1, rows=rows, confidence=0.95),
        calibration_figure(*calibration_error, rows=rows, confidence=0.95),
        *out_of_scope_figures(label, **outside),
    )
