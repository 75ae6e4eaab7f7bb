"""Retention of a whole home: what lies in MLflow and what lies in the step store, planned and carried out together."""

from collections.abc import Callable
from datetime import datetime

from flows.home import Home
from flows.step_retention import delete_step_result, plan_step_results
from registry import retention
from registry.retention import (
    Item,
    Kept,
    Protected,
    RetentionOutcome,
    RetentionPlan,
    RetentionPolicy,
    delete_item,
    standing_digests,
)
from registry.retention.inventory import running_since
from registry.store import MlflowStore


def plan_retention(
    store: MlflowStore, home: Home, policy: RetentionPolicy, protected: Protected, now: datetime
) -> RetentionPlan:
    """What may go, what stays, and why: a dry run that changes nothing. `now` is aware of its time zone."""
    plan = retention.plan_retention(store, policy, protected, now)
    steps = tuple(
        plan_step_results(home, policy, standing_digests(store, protected), running_since=running_since(store), now=now)
    )
    return plan.model_copy(
        update={
            "doomed": (*plan.doomed, *(entry for entry in steps if isinstance(entry, Item))),
            "kept": (*plan.kept, *(entry for entry in steps if isinstance(entry, Kept))),
        }
    )


def carry_out(
    store: MlflowStore,
    home: Home,
    plan: RetentionPlan,
    protected: Callable[[], Protected],
    now: datetime,
    *,
    on_decided: Callable[[Item | Kept], None] = lambda _entry: None,
) -> RetentionOutcome:
    """Delete what the plan dooms, except what has come under protection since; may be killed and repeated.

    `protected` is asked anew before every deletion. Call it while nothing is promoted or rolled back.
    """

    def delete(item: Item, stays: Protected) -> str | None:
        if item.kind in ("step result", "unfinished step"):
            digests = standing_digests(store, stays)
            return delete_step_result(home, item, digests, running_since=running_since(store), now=now)
        return delete_item(store, item, stays, now)

    return retention.carry_out(plan, protected, delete, on_decided=on_decided)
