"""`miaotui up`: Prefect, MLflow and their workers on loopback, until Ctrl-C or `miaotui down`."""

import argparse
import os
import shlex
from typing import TYPE_CHECKING, Any

from tasks.errors import UserError

if TYPE_CHECKING:
    from flows.servers.records import ServersRecord


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "up",
        help="start the local servers and workers",
        description="Starts Prefect's and MLflow's servers and two workers on loopback, and watches them: one that dies is "
        "started again, one that keeps dying ends them all. Ctrl-C or `miaotui down` stops them.",
    )
    parser.add_argument("--detach", action="store_true", help="go on in the background once all have answered")
    for server, usual in (("prefect", 4200), ("mlflow", 5000)):
        text = f"port of the {server} server; 0 for any ({usual}, or any where that is taken)"
        parser.add_argument(f"--{server}-port", type=int, metavar="PORT", help=text)
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://USER:PASSWORD@HOST/NAME instead of SQLite; better given in MIAOTUI_DATABASE, since other "
        "users can read arguments",
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Starts the servers, or says that they run."""
    from flows.home import Home
    from flows.servers.bring_up import DATABASE, Request, bring_up, bring_up_detached, running
    from flows.servers.errors import ServersError

    for name in ("prefect_port", "mlflow_port"):
        port = getattr(options, name)
        if port is not None and not 0 <= port < 65536:
            raise UserError(f"must be a port from 0 to 65535, not {port}", field=f"--{name.replace('_', '-')}")
    request = Request(options.prefect_port, options.mlflow_port, options.database or os.environ.get(DATABASE))
    home = Home.open().folder
    recorded = running(home)
    if recorded is not None:
        return _say_running(recorded)
    if options.detach:
        _show(bring_up_detached(home, request), "stop them: miaotui down")
    elif not bring_up(home, request, on_ready=lambda record: _show(record, "stop them: Ctrl-C"), say=_say):
        recorded = running(home)
        if recorded is None:
            raise ServersError("another `miaotui up` of this home is just starting or ending; try again")
        return _say_running(recorded)
    return 0


def _say_running(recorded: "ServersRecord") -> int:
    if not recorded.ready:
        print("the servers are just being started")
        return 0
    print("the servers run already")
    _show(recorded, "stop them: miaotui down")
    return 0


def _show(recorded: "ServersRecord", way_out: str) -> None:
    for server in recorded.servers:
        print(f"{server.name:8} {server.url or 'runs'}")
    print("to work with them:")
    for name, value in recorded.exports.items():
        print(f"  export {name}={shlex.quote(value)}")
    print(way_out, flush=True)


def _say(sentence: str) -> None:
    print(sentence, flush=True)
