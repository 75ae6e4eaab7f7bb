"""Retention of a whole home: what lies in MLflow and what lies in the step store, planned and carried out together."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from flows.home import Home
from flows.steps.retention import delete_step_result, plan_step_results
from registry import retention
from registry.ledger import Draft, Kind
from registry.registrar import Registrar
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


def clean(registrar: Registrar, policy: RetentionPolicy, *, delete: bool) -> Iterator[str]:
    """Plans, and with `delete` carries the plan out while nothing is promoted; deleted versions go on the ledger."""
    home, now, ledger = Home.open(), datetime.now(UTC), registrar.ledger
    plan = plan_retention(registrar.store, home, policy, protected(registrar), now)
    for item in plan.doomed:
        yield f"{item.kind:13}  {item.id:40}  {item.bytes / 1e6:9.1f} MB  {item.reason}"
    counts = Counter(entry.kind for entry in plan.kept)
    kept = ", ".join(f"{count} × {kind}" for kind, count in sorted(counts.items())) or "nothing"
    yield f"{len(plan.doomed)} items, {plan.bytes / 1e6:.1f} MB; kept: {kept}"
    if not delete:
        yield "nothing was deleted"
        return

    def decided(entry: Item | Kept) -> None:
        if entry.kind == "version" and hasattr(entry, "bytes"):
            _note(registrar, entry.id, entry.reason)

    with ExitStack() as locks:
        for model in ledger.models():
            locks.enter_context(ledger.exclusive(model))
        outcome = carry_out(registrar.store, home, plan, lambda: protected(registrar), now, on_decided=decided)
    freed = sum(item.bytes for item in outcome.deleted)
    spared = f"; {len(outcome.spared)} had come under protection" if outcome.spared else ""
    yield f"deleted {len(outcome.deleted)} items, {freed / 1e6:.1f} MB{spared}"


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


def protected(registrar: Registrar) -> Protected:
    """What serves, waits, has served, or was decided about, by the ledger."""
    versions = set()
    for model in registrar.ledger.models():
        versions |= {(model, number) for number in registrar.state(model).named_versions}
    return Protected(versions=frozenset(versions))


def _note(registrar: Registrar, identity: str, reason: str) -> None:
    model, _, number = identity.rpartition("/")
    registrar.ledger.note(model, Draft(kind=Kind.REMOVED, actor=registrar.actor, reason=reason, to_version=int(number)))
