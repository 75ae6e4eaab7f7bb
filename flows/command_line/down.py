"""`miaotui down`: stops the servers that `miaotui up` started for this home, and nothing else."""

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "down",
        help="stop the local servers and workers",
        description="Stops what `miaotui up` started for this home. A run in progress is ended; the next one goes on.",
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(_options: argparse.Namespace) -> int:
    """Says what was stopped."""
    from flows.home import Home
    from flows.servers.stopping import stop_servers

    stopped = False
    for sentence in stop_servers(Home.open().folder):
        stopped = True
        print(sentence, flush=True)
    if not stopped:
        print("no servers run")
    return 0
