"""`miaotui clean`: what is old and not needed any more goes; without --delete it only says what would."""

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.command_line.registrars import with_registrar
from tasks.errors import UserError

if TYPE_CHECKING:
    from registry.registrar import Registrar
    from registry.retention import Item, Kept, Protected, RetentionPolicy


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "clean",
        help="list or delete what is old",
        description=(
            "Lists runs, models, versions and step results that are old and not needed any more; deletes them with "
            "--delete. What serves, waits, has served, or was ever decided about stays."
        ),
    )
    for name, what in (
        ("days", "keep what is younger (90)"),
        ("versions", "keep the newest of every model (10)"),
        ("runs", "keep the newest of every recipe (30)"),
        ("step-results", "keep the last used of every step (3)"),
    ):
        parser.add_argument(f"--{name}", type=float if name == "days" else int, metavar="N", help=what)
    parser.add_argument("--delete", action="store_true", help="delete it")
    parser.set_defaults(execute=execute, resumes=True)


def execute(options: argparse.Namespace) -> int:
    """Prints every item, its size and why it may go, and the sum."""
    policy = _policy(options)

    def act(registrar: "Registrar") -> list[str]:
        return list(clean(registrar, policy, delete=options.delete))

    for line in with_registrar("clean", act):
        print(line)
    return 0


def clean(registrar: "Registrar", policy: "RetentionPolicy", *, delete: bool) -> Iterator[str]:
    """Plans, and with `delete` carries the plan out while nothing is promoted; deleted versions go on the ledger."""
    from flows.home import Home
    from flows.retention import carry_out, plan_retention

    home, now, ledger = Home.open(), datetime.now(UTC), registrar.ledger
    plan = plan_retention(registrar.store, home, policy, protected(registrar), now)
    for item in plan.doomed:
        yield f"{item.kind:13}  {item.id:40}  {item.bytes / 1e6:9.1f} MB  {item.reason}"
    counts = Counter(entry.kind for entry in plan.kept)
    kept = ", ".join(f"{count} × {kind}" for kind, count in sorted(counts.items())) or "nothing"
    yield f"{len(plan.doomed)} items, {plan.bytes / 1e6:.1f} MB; kept: {kept}"
    if not delete:
        yield "nothing was deleted; add --delete"
        return

    def decided(entry: "Item | Kept") -> None:
        if entry.kind == "version" and hasattr(entry, "bytes"):
            _note(registrar, entry.id, entry.reason)

    with ExitStack() as locks:
        for model in ledger.models():
            locks.enter_context(ledger.exclusive(model))
        outcome = carry_out(registrar.store, home, plan, lambda: protected(registrar), now, on_decided=decided)
    freed = sum(item.bytes for item in outcome.deleted)
    spared = f"; {len(outcome.spared)} had come under protection" if outcome.spared else ""
    yield f"deleted {len(outcome.deleted)} items, {freed / 1e6:.1f} MB{spared}"


def protected(registrar: "Registrar") -> "Protected":
    """What serves, waits, has served, or was decided about, by the ledger."""
    from registry.retention import Protected

    versions = set()
    for model in registrar.ledger.models():
        versions |= {(model, number) for number in registrar.state(model).named_versions}
    return Protected(versions=frozenset(versions))


def _note(registrar: "Registrar", identity: str, reason: str) -> None:
    from registry.ledger import Draft, Kind

    model, _, number = identity.rpartition("/")
    registrar.ledger.note(model, Draft(kind=Kind.REMOVED, actor=registrar.actor, reason=reason, to_version=int(number)))


def _policy(options: argparse.Namespace) -> "RetentionPolicy":
    from pydantic import ValidationError

    from registry.retention import RetentionPolicy

    given = {name: getattr(options, name) for name in ("days", "versions", "runs", "step_results")}
    try:
        return RetentionPolicy(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(str(problem["msg"]), field=f"--{str(problem['loc'][0]).replace('_', '-')}") from error
