"""What a verdict is made of: outcomes, checks, and the verdict itself, as frozen records.

A check holds all numbers behind its outcome, so that command line, report, tags and model card say the same thing
without judging anything again.
"""

import hashlib
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

from registry.missing import MissingRows
from tasks.artifact import Record


class Outcome(StrEnum):
    """What a check or a whole verdict says. Worst first: INVALID, FAIL, INCONCLUSIVE, PASS."""

    PASS = "PASS"  # noqa: S105 - an outcome, not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"
    INVALID = "INVALID"

    @property
    def exit_code(self) -> int:
        """The process's exit code: 0 for PASS, 3 for FAIL, 4 for INCONCLUSIVE and INVALID."""
        return _EXIT_CODES[self]

    @property
    def severity(self) -> int:
        """Larger is worse."""
        return _SEVERITY[self]


_EXIT_CODES: Final = {Outcome.PASS: 0, Outcome.FAIL: 3, Outcome.INCONCLUSIVE: 4, Outcome.INVALID: 4}
_SEVERITY: Final = {Outcome.PASS: 0, Outcome.INCONCLUSIVE: 1, Outcome.FAIL: 2, Outcome.INVALID: 3}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes. Nothing judged is nothing proven: INVALID."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.INVALID)


class Check(Record):
    """One rule and how the evidence stood to it.

    `name` is the gate's field name, followed by target, scenario or slice where a gate is judged more than once
    (`latency_p99_ms/local-cpu/Server`). `measured` is the estimate, `bound` the confidence bound on the side that is
    judged (equal to `measured` where a quantity has no sampling error), `threshold` the recipe's number; each None
    where there is none. A `floor` wants the bound above the threshold, a `ceiling` below. `missing`: the rows that would
    settle an INCONCLUSIVE one, where it is rows that are missing.
    """

    name: str
    outcome: Outcome
    sentence: str
    measured: float | None = None
    bound: float | None = None
    threshold: float | None = None
    unit: str = ""
    direction: Literal["floor", "ceiling"] | None = None
    missing: tuple[MissingRows, ...] = ()

    @property
    def gate(self) -> str:
        """The first part of the name: a field of the gates, or the kind of evidence."""
        return self.name.split("/", 1)[0]

    @property
    def margin(self) -> float | None:
        """Room between bound and threshold as a share of the threshold; negative if violated, None without numbers."""
        if self.bound is None or not self.threshold or self.direction is None:
            return None
        room = self.bound - self.threshold if self.direction == "floor" else self.threshold - self.bound
        return room / self.threshold


class Verdict(Record):
    """The worst outcome of all checks, and the checks behind it."""

    outcome: Outcome
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, checks: Iterable[Check]) -> "Verdict":
        """The verdict that follows from these checks."""
        kept = tuple(checks)
        return cls(outcome=worst(check.outcome for check in kept), checks=kept)

    @property
    def exit_code(self) -> int:
        """The process's exit code for this verdict."""
        return self.outcome.exit_code

    @property
    def decisive(self) -> tuple[Check, ...]:
        """The checks that did not pass, worst first; empty on PASS."""
        open_checks = [check for check in self.checks if check.outcome is not Outcome.PASS]
        return tuple(sorted(open_checks, key=lambda check: -check.outcome.severity))

    @property
    def margins(self) -> dict[str, float]:
        """The smallest margin of every gate that has one, by the gate's name."""
        margins: dict[str, float] = {}
        for check in self.checks:
            if check.margin is not None and math.isfinite(check.margin):
                margins[check.gate] = min(check.margin, margins.get(check.gate, math.inf))
        return margins

    @property
    def digest(self) -> str:
        """SHA-256 over the verdict's JSON: other thresholds or other evidence give another digest."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
