"""`miaotui clean`: what is old and not needed any more goes; without --delete it only says what would."""

import argparse
from typing import TYPE_CHECKING, Any

from flows.command_line.registrars import with_registrar
from tasks.errors import UserError

if TYPE_CHECKING:
    from registry.registrar import Registrar
    from registry.retention import RetentionPolicy


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
        from flows.retention import clean

        return list(clean(registrar, policy, delete=options.delete))

    for line in with_registrar("clean", act):
        print(line)
    if not options.delete:
        print("to delete it, add --delete")
    return 0


def _policy(options: argparse.Namespace) -> "RetentionPolicy":
    from pydantic import ValidationError

    from registry.retention import RetentionPolicy

    given = {name: getattr(options, name) for name in ("days", "versions", "runs", "step_results")}
    try:
        return RetentionPolicy(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(str(problem["msg"]), field=f"--{str(problem['loc'][0]).replace('_', '-')}") from error
