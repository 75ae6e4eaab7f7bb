"""A figure: one number that a task family judges its answers by, with all that a gate, a card and a series of nights need.

Whoever shows or judges figures asks for them by name and kind, never for the family that they are of.
"""

import math
from typing import Literal

from tasks.artifact import Record
from tasks.records.statistics import Interval

Number = Literal["value", "low", "high"]


class Figure(Record):
    """What was measured on the gate rows.

    `name`: the gate on it, where there is one, and its series among the headline metrics. `title`: what it is, for readers.
    A `share` is a proportion of `rows`, `low` and `high` the ends of its exact interval; a `bounded` one is any other score, and
    these are the confidence bounds that the evaluation found for it. Without the one on the side that `better` judges, no gate on
    it is proven. `confidence`: of both. `value`: None where these rows give none; `absent` says why, where that can be told.
    `label`: the share is one of the rows with this label. `reference`: the same share of the reference path.
    `headline`: its numbers by which nights are compared. `heading`: in the report, where it does not stand among the others.
    `series`: what MLflow calls it in the step's run, where that is not its name.
    """

    name: str
    title: str
    kind: Literal["share", "bounded"]
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int
    unit: str = ""
    better: Literal["more", "less"] = "more"
    confidence: float | None = None
    absent: str = ""
    label: str | None = None
    reference: Interval | None = None
    headline: tuple[Number, ...] = ()
    heading: str = ""
    series: str = ""

    @property
    def numbers(self) -> dict[Number, float]:
        """Its value and its ends, as far as it has them."""
        found: dict[Number, float | None] = {"value": self.value, "low": self.low, "high": self.high}
        return {number: value for number, value in found.items() if value is not None}

    @property
    def bound(self) -> float | None:
        """The confidence bound on the side that is judged."""
        return self.low if self.better == "more" else self.high

    @property
    def interval(self) -> Interval | None:
        """Of a share, as it was measured; None where it has no interval."""
        value, low, high, confidence = self.value, self.low, self.high, self.confidence
        if self.kind != "share" or value is None or low is None or high is None or confidence is None:
            return None
        successes = round(value * self.rows) if math.isfinite(value) else 0
        return Interval(value=value, low=low, high=high, successes=successes, n=self.rows, confidence=confidence)


def share(
    name: str,
    title: str,
    measured: Interval | None,
    *,
    absent: str = "",
    label: str | None = None,
    reference: Interval | None = None,
    headline: tuple[Number, ...] = (),
    heading: str = "",
    series: str = "",
) -> Figure:
    """A share with its exact interval, or that there is none."""
    return Figure(
        name=name,
        title=title,
        kind="share",
        value=measured.value if measured else None,
        low=measured.low if measured else None,
        high=measured.high if measured else None,
        rows=measured.n if measured else 0,
        confidence=measured.confidence if measured else None,
        absent=absent,
        label=label,
        reference=reference,
        headline=headline,
        heading=heading,
        series=series,
    )
