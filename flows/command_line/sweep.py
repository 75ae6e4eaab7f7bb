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
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--every", type=float, metavar="SECONDS", help="go on until interrupted")
    again.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="sweep whenever MLflow's webhook says so (secret in MIAOTUI_WEBHOOK_SECRET), until interrupted",
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Sweeps, and prints what was done."""
    if options.every is not None and options.every <= 0:
        raise UserError("must be above 0", field="--every")
    address = _address(options.listen) if options.listen else None

    def act(registrar: Any) -> list[str]:
        from flows.review import sweep_models

        return [sentence for swept in sweep_models(registrar, options.name) for sentence in swept.sentences]

    while True:
        for sentence in with_registrar("sweep", act):
            print(sentence, flush=True)
        if address is not None:
            return _listen(*address)
        if options.every is None:
            return 0
        time.sleep(options.every)


def _listen(host: str, port: int) -> int:
    from flows.home import Home
    from flows.review import webhook_app
    from flows.webhook_server import PATH, serve

    app = webhook_app(Home.open().folder)
    print(f"MLflow's webhooks are taken at http://{host}:{port}{PATH}", flush=True)
    serve(app, host=host, port=port)
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"{text!r} is no address; write HOST:PORT, as in 127.0.0.1:4281", field="--listen")
    return host, int(port)
