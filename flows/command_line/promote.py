"""`miaotui promote`: makes a PASS the champion, or, with a reason and for a while, what is none."""

import argparse
from datetime import timedelta
from typing import Any

from flows.command_line.registrars import add_version, with_registrar
from tasks.errors import UserError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "promote",
        help="make a version the champion",
        description="Makes VERSION (without it, the challenger) the champion, after checking and blessing it.",
    )
    add_version(parser, optional=True)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it goes on the ledger")
    parser.add_argument(
        "--override", action="store_true", help="although the verdict is no PASS; needs --reason, and expires"
    )
    parser.add_argument("--expires", type=float, default=7.0, metavar="DAYS", help="of an override (7; at most 90)")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Promotes, and says what became of it."""

    def act(registrar: Any) -> str:
        from registry.promotion import override, promote_version

        number = options.version or registrar.state(options.name).challenger
        if number is None:
            raise UserError(f"{options.name} has no challenger; name a VERSION (see: miaotui status {options.name})")
        if options.override:
            lasts = timedelta(days=options.expires)
            return override(registrar, options.name, number, reason=options.reason, lasts=lasts).sentence
        reason = options.reason or f"promoted by {registrar.actor}"
        return promote_version(registrar, options.name, number, reason=reason).sentence

    print(with_registrar("promote", act))
    return 0
