"""`miaotui verify`: whether ledger, aliases and bytes agree; changes nothing."""

import argparse
from typing import Any

from flows.command_line.registrars import with_registrar
from tasks.errors import UserError

FAILED = 3


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "verify",
        help="check ledger, aliases and bytes",
        description="Checks the ledger's chain, that MLflow shows what it says, and the champion's bytes. Changes nothing.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="one model; without it, all that are on the ledger")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Prints a line per model and per problem; exit code 3 if there is any."""

    def act(registrar: Any) -> list[tuple[str, tuple[str, ...]]]:
        from registry.audit import audit

        known = registrar.ledger.models()
        if options.name is not None and options.name not in known:
            raise UserError(f"the ledger has nothing about {options.name}; models on it: {', '.join(known) or 'none'}")
        return [(name, audit(registrar, name)) for name in ([options.name] if options.name else known)]

    found = with_registrar("verify", act)
    for name, problems in found:
        print(
            f"{name}: {'the ledger, the aliases and the bytes agree' if not problems else f'{len(problems)} problems'}"
        )
        for problem in problems:
            print(f"  {problem}")
    return FAILED if any(problems for _, problems in found) else 0
