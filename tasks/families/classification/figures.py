"""The figures that classification is judged by: accuracy in scope, macro F1, calibration, and inputs outside the labels."""

from typing import Final

from tasks.records.figures import Figure, share
from tasks.records.statistics import Interval

OUT_OF_SCOPE: Final = "Out of scope"


def in_scope_figure(routed: Interval, reference: Interval) -> Figure:
    """Accuracy on the rows that have a trained label, of the routed model and of the reference path."""
    return share("in_scope_accuracy", "in-scope accuracy", routed, reference=reference, headline=("value", "low"))


def macro_f1_figure(value: float, low: float, *, rows: int, confidence: float) -> Figure:
    """With its lower bound."""
    return Figure(
        name="macro_f1",
        title="macro F1",
        kind="bounded",
        value=value,
        low=low,
        rows=rows,
        confidence=confidence,
        headline=("value",),
    )


def calibration_figure(value: float, high: float, *, rows: int, confidence: float) -> Figure:
    """Expected calibration error, with its upper bound."""
    return Figure(
        name="expected_calibration_error",
        title="expected calibration error",
        kind="bounded",
        value=value,
        high=high,
        rows=rows,
        better="less",
        confidence=confidence,
        headline=("value",),
    )


def out_of_scope_figures(
    label: str | None,
    *,
    recall: Interval | None = None,
    auroc: float | None = None,
    fpr95: float | None = None,
    early_share: float | None = None,
    in_scope_rows: int = 0,
) -> tuple[Figure, ...]:
    """How rows outside the labels were treated; `label` is theirs. All None where the rows have none.

    `auroc` and `fpr95` (the share of rows in scope that score higher than 95 % of the others) of the out-of-scope score;
    `early_share`: of the rows outside, those that a path before the last one answered.
    """
    outside = recall.n if recall else 0
    return (
        share(
            "out_of_scope_recall",
            "out-of-scope recall",
            recall,
            label=label,
            headline=("value",),
            heading=OUT_OF_SCOPE,
        ),
        Figure(
            name="out_of_scope_auroc",
            title="AUROC of the out-of-scope score",
            kind="bounded",
            value=auroc,
            rows=in_scope_rows + outside,
            headline=("value",),
            heading=OUT_OF_SCOPE,
        ),
        Figure(
            name="out_of_scope_fpr95",
            title="FPR at 95 % out-of-scope recall",
            kind="share",
            value=fpr95,
            rows=in_scope_rows,
            better="less",
            heading=OUT_OF_SCOPE,
        ),
        Figure(
            name="out_of_scope_early_share",
            title="out-of-scope rows that stopped early, goal ≤ 2 %",
            kind="share",
            value=early_share,
            rows=outside,
            better="less",
            heading=OUT_OF_SCOPE,
        ),
    )
