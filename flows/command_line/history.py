"""`miaotui history`: the ledger of one model, oldest entry first."""

import argparse
from typing import TYPE_CHECKING, Any

from engine import strict_json
from tasks.errors import UserError

if TYPE_CHECKING:
    from registry.ledger import Entry


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "history", help="print a model's ledger", description="Prints who did what to NAME, when and why."
    )
    parser.add_argument("name", metavar="NAME", help="the registered model")
    parser.add_argument("--last", type=int, metavar="N", help="only the last N entries")
    parser.add_argument("--json", action="store_true", help="print one JSON document per line")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Reads the ledger; MLflow is not needed for that."""
    from flows.home import Home
    from registry.ledger import Ledger
    from registry.store import MlflowStore

    if options.last is not None and options.last < 1:
        raise UserError("must be at least 1", field="--last")
    ledger = Ledger.of_store(MlflowStore.of_home(Home.open().folder))
    entries = ledger.entries(options.name, last=options.last)
    if not entries:
        known = ", ".join(ledger.models()) or "none"
        raise UserError(f"the ledger has nothing about {options.name}; models on it: {known}")
    for entry in entries:
        print(strict_json.dumps(entry.as_json()) if options.json else line(entry))
    return 0


def line(entry: "Entry") -> str:
    """One entry: number, time (UTC), kind, versions, actor, evidence, reason."""
    versions = "→".join(str(number) for number in (entry.from_version, entry.to_version) if number is not None)
    evidence = (entry.evidence_digest or "-")[:12]
    reason = " ".join(entry.reason.split())
    return (
        f"{entry.sequence:5}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.kind.value:11}  {versions or '-':9}  "
        f"{evidence:12}  {entry.actor}  {reason}"
    )
