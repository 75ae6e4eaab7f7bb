"""What a bundle made of the probes: inputs that ordinary rows do not have."""

from tasks.artifact import Record


class ProbeOutcome(Record):
    """One probe. `error`: the bundle's own for this input, an answer as good as any; `problem`: what must not be, or None."""

    name: str
    error: str | None = None
    problem: str | None = None


class ProbesResult(Record):
    """All probes of one bundle. `longest`: tokens of the longest input that was asked, of the `admissible` ones at most.

    `golden_rows`: inputs whose certified answers the bundle brings along.
    """

    bundle_digest: str
    golden_rows: int
    longest: int
    admissible: int
    outcomes: tuple[ProbeOutcome, ...]

    @property
    def problems(self) -> tuple[ProbeOutcome, ...]:
        """The probes that did not go as they must."""
        return tuple(outcome for outcome in self.outcomes if outcome.problem is not None)

    @property
    def refused(self) -> tuple[ProbeOutcome, ...]:
        """The probes that got an error of their own."""
        return tuple(outcome for outcome in self.outcomes if outcome.problem is None and outcome.error is not None)
