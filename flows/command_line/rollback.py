"""`miaotui rollback`: a champion from before serves again."""

import argparse
from typing import Any

from flows.command_line.registrars import with_registrar


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "rollback",
        help="go back to a champion from before",
        description="Makes the champion before the present one serve again, after verifying and blessing its bytes.",
    )
    parser.add_argument("name", metavar="NAME", help="the registered model")
    parser.add_argument("--to", type=int, metavar="VERSION", help="another version that has been champion")
    parser.add_argument("--reason", default="rolled back by hand", metavar="TEXT", help="why; it goes on the ledger")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Rolls back, and says to what."""

    def act(registrar: Any) -> str:
        from registry.rollback import rollback

        return rollback(registrar, options.name, to=options.to, reason=options.reason).sentence

    print(with_registrar("rollback", act))
    return 0
