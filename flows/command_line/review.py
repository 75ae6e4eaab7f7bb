"""`miaotui review`: approves or rejects the challenger, the same as setting its tag `review` in MLflow's UI."""

import argparse
from typing import Any

from flows.command_line.registrars import add_version, with_registrar


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "review",
        help="approve or reject a challenger",
        description="Approves VERSION and makes it the champion, after checking verdict, digests and bytes again; or rejects it.",
    )
    add_version(parser)
    parser.add_argument("decision", choices=("approve", "reject"))
    parser.add_argument("--note", default="", metavar="TEXT", help="why; it goes on the ledger")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Answers, and says what became of it."""

    def act(registrar: Any) -> str:
        from registry.review import answer

        approve = options.decision == "approve"
        return answer(registrar, options.name, options.version, approve=approve, note=options.note).sentence

    print(with_registrar("review", act))
    return 0
