"""What would settle a check that is INCONCLUSIVE, as data: rows that are not there yet, or a measurement without others."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.artifact import Record


class MissingRows(Record):
    """Gate rows: of one `slice`, or of one `label`, or any where both are None.

    `have` were judged; `needed` in all would settle it if they are like these, None where nobody can say how many.
    """

    kind: Literal["rows"] = "rows"
    slice: str | None = None
    label: str | None = None
    have: int = 0
    needed: int | None = None

    @property
    def more(self) -> int | None:
        """Rows that are missing."""
        return None if self.needed is None else max(1, self.needed - self.have)

    @property
    def what(self) -> str:
        """Which rows."""
        if self.slice is not None:
            return f"gate rows of slice {self.slice!r}"
        return "gate rows" if self.label is None else f"gate rows with the label {self.label!r}"

    def holds(self, *, slice: str | None, label: str) -> bool:
        """Whether a row with this slice and label is one of those that are missing."""
        return self.slice in (None, slice) and self.label in (None, label)

    def __str__(self) -> str:
        """One clause for a person."""
        if self.more is None:
            return f"more {self.what}; how many, these cannot tell"
        return f"{self.more:,} more {self.what} ({self.have:,} were judged, {self.needed:,} would settle it)"


class MissingTime(Record):
    """A measurement on the `target` that nothing disturbs, or that is long enough."""

    kind: Literal["time"] = "time"
    target: str

    def __str__(self) -> str:
        """One clause for a person."""
        return f"a measurement on {self.target} that settles the timings"


Missing = Annotated[MissingRows | MissingTime, Field(discriminator="kind")]
