"""What follows from what a model's last run with landed rows came to: pure functions over the trial, the policy and time.

Only two things are picked up by themselves: rows that settle the verdict, once they have landed, and a measurement where
nothing but time was undecided, a stated number of times. A FAIL or an INVALID is tried again with new rows, not with the same.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from registry.checks import Outcome
from registry.inbox.records import Use
from registry.inbox.trials import Trial
from registry.missing import MissingRows, MissingTime
from tasks.artifact import Record
from tasks.recipe.intake import IntakeConfig


class Progress(Record):
    """Of the rows that are `missing`, so many have `come` and would be judged by; `to_land`: about how many have to land
    until the rest has come, since not all that lands is judged by. None where nobody can say."""

    missing: MissingRows
    come: int
    to_land: int | None

    @property
    def complete(self) -> bool:
        """Whether all have come."""
        return self.missing.more is not None and self.come >= self.missing.more

    def __str__(self) -> str:
        """One clause for a person."""
        if self.missing.more is None:
            return str(self.missing)
        if self.complete:
            return f"{self.missing}: they have landed"
        return f"{self.missing}; {self.come:,} have landed, about {self.to_land or 0:,} more such rows have to land"


class FollowUp(Record):
    """What comes next, for a person in `sentence`.

    `again_at`: the same rows are tried again then. `least`: what a batch of new rows is put to at the least, None where it is
    judged by itself alone. `rows_suffice`: the rows that settle it have landed, however few rows are new.
    """

    sentence: str
    progress: tuple[Progress, ...] = ()
    again_at: datetime | None = None
    least: Use | None = None
    rows_suffice: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """What comes next, then what is missing."""
        return (self.sentence, *(str(each) for each in self.progress))

    def __str__(self) -> str:
        """One line for a person."""
        return "; ".join(self.lines)


def progress_of(missing: MissingRows, landed: Mapping[tuple[str | None, str], int], *, judged_share: float) -> Progress:
    """`landed`: rows that would be judged by since, by slice and label; `judged_share`: the share of what lands."""
    come = sum(rows for (part, label), rows in landed.items() if missing.holds(slice=part, label=label))
    if missing.more is None or judged_share <= 0:
        return Progress(missing=missing, come=come, to_land=None)
    return Progress(missing=missing, come=come, to_land=max(0, round((missing.more - come) / judged_share)))


def follow_up(
    trial: Trial | None, policy: IntakeConfig, landed: Mapping[tuple[str | None, str], int], *, judged_share: float
) -> FollowUp | None:
    """None where nothing is open: no trial, or one that passed. `landed` as in `progress_of`."""
    if trial is None or (trial.result is not None and trial.result.verdict is Outcome.PASS):
        return None
    result = trial.result
    if result is None or trial.ended_at is None:
        return FollowUp(sentence="a run was cut off and is gone on with", again_at=trial.began_at, least=trial.use)
    if result.verdict in (Outcome.FAIL, Outcome.INVALID):
        said = f"{result.verdict}: the same rows are not tried again; it waits for new rows, or for a person"
        return FollowUp(sentence=said, least=trial.use)
    rows = [each for each in result.missing if isinstance(each, MissingRows)]
    if rows:
        return _waiting_for_rows([progress_of(each, landed, judged_share=judged_share) for each in rows])
    what = "; ".join(str(each) for each in result.missing if isinstance(each, MissingTime))
    undecided = f"{Outcome.INCONCLUSIVE}, missing is {what}" if what else f"the run failed: {result.sentence}"
    if trial.number > policy.retries:
        said = f"{undecided}; tried {trial.number} times, it waits for new rows, or for a person"
        return FollowUp(sentence=said, least=Use.RECALIBRATE if what else trial.use)
    at = trial.ended_at + timedelta(seconds=policy.retry_after_s * 2 ** (trial.number - 1))
    said = f"{undecided}; try {trial.number + 1} of {policy.retries + 1} is due at {at:%Y-%m-%d %H:%M:%S} UTC"
    return FollowUp(sentence=said, again_at=at, least=Use.RECALIBRATE if what else trial.use)


def _waiting_for_rows(progress: list[Progress]) -> FollowUp:
    """It goes on once all have come that anybody can number; where nobody can, with whatever lands."""
    numbered = [each for each in progress if each.missing.more is not None]
    complete = bool(numbered) and all(each.complete for each in numbered)
    said = "they have landed and are judged by next" if complete else "it goes on by itself once they have landed"
    if not numbered:
        said = "it goes on by itself with new rows"
    return FollowUp(
        sentence=f"{Outcome.INCONCLUSIVE}, rows are missing; {said}",
        progress=tuple(progress),
        least=Use.RECALIBRATE if complete or not numbered else None,
        rows_suffice=complete,
    )
