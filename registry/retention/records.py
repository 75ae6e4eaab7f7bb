"""The words of retention: a policy, what is protected from it, the plan that follows, and what came of it."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from tasks.artifact import Record

Kind = Literal["version", "logged model", "run", "cached bundle", "step result", "unfinished step", "leftover"]


class RetentionPolicy(Record):
    """What may go: what is older than `days` and beyond the newest ones that stay whatever their age.

    `versions`: of every registered model. `runs`: of every experiment, steps not counted. `step_results`: of every step,
    the last used. Nothing younger than a day goes under any policy.
    """

    days: float = Field(default=90.0, ge=1.0)
    versions: int = Field(default=10, ge=1)
    runs: int = Field(default=30, ge=1)
    step_results: int = Field(default=3, ge=1)

    def cutoff(self, now: datetime) -> datetime:
        """What is younger than this stays."""
        return now - timedelta(days=self.days)


class Protected(Record):
    """What stays whatever the policy says, beside all that bears an alias.

    `versions`: pairs of a registered model's name and a version, the champions within reach of a rollback above all.
    `runs`: MLflow's run ids. `bundle_digests`: bundles, with the results of the steps that they were made from.
    """

    versions: frozenset[tuple[str, int]] = frozenset()
    runs: frozenset[str] = frozenset()
    bundle_digests: frozenset[str] = frozenset()


class Item(Record):
    """Something that may go. `bytes`: of its files; `reason`: why it may."""

    kind: Kind
    id: str
    bytes: int
    reason: str


class Kept(Record):
    """Something that stays, and why."""

    kind: Kind
    id: str
    reason: str


class RetentionPlan(Record):
    """`doomed` in the order of deletion, and `kept`. Making a plan changes nothing."""

    made_at: datetime
    policy: RetentionPolicy
    doomed: tuple[Item, ...]
    kept: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """What carrying it out sets free."""
        return sum(item.bytes for item in self.doomed)


class RetentionOutcome(Record):
    """What was deleted, and what had come under protection since the plan was made."""

    deleted: tuple[Item, ...]
    spared: tuple[Kept, ...]
