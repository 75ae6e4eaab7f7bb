"""`miaotui sweep`: takes in what was answered in MLflow's UI, puts aliases right, ends what has expired."""

import argparse
import time
from typing import Any

from flows.command_line.registrars import with_registrar
from tasks.errors import UserError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "sweep",
        help="carry out what was decided in MLflow's UI",
        description="Promotes what was approved in MLflow's UI, after checking it again, and puts aliases right.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="one model; without it, all that are on the ledger")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until interrupted")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Sweeps, and prints what was done."""
    if options.every is not None and options.every <= 0:
        raise UserError("must be above 0", field="--every")

    def act(registrar: Any) -> list[str]:
        from registry.review import sweep

        names = [options.name] if options.name else registrar.ledger.models()
        return [sentence for name in names for sentence in sweep(registrar, name).sentences]

    while True:
        for sentence in with_registrar("sweep", act):
            print(sentence, flush=True)
        if options.every is None:
            return 0
        time.sleep(options.every)
