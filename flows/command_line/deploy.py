"""`miaotui deploy`: registers a recipe's schedules with Prefect's server, and shows what that changed."""

import argparse
import os
from pathlib import Path
from typing import Any

from tasks.errors import UserError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "deploy",
        help="register a recipe's schedules",
        description="Registers the nightly run of RECIPE (its `schedule`), the sweep of reviews and the benchmark of every "
        "target that has a work pool with the Prefect server "
        "that `miaotui up` started, or that PREFECT_API_URL names; the same again changes nothing.",
    )
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe (YAML)")
    parser.add_argument(
        "--set",
        metavar="A.B=VALUE",
        dest="overrides",
        action="append",
        default=[],
        help="override a field of the recipe, in every nightly run, too; may be repeated",
    )
    parser.add_argument(
        "--sweep-every", metavar="MINUTES", type=float, default=10.0, help="how often to sweep the reviews (10)"
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Prints a line per work pool and deployment: created, updated or unchanged, and its next run."""
    from flows.deployments.benchmarks import benchmark_deployments
    from flows.deployments.plan import deployments_of
    from flows.home import Home
    from flows.prefect_server import require_prefect_server
    from flows.preparation import prepare

    if not 1 <= options.sweep_every <= 24 * 60:
        raise UserError("must be from 1 to 1440 minutes", field="--sweep-every")
    home = Home.open()
    _name_server(home.folder)
    require_prefect_server()
    # What is wrong with data, model or targets is said now, and not at night.
    prepared = prepare(options.recipe, options.overrides, home)
    loaded = prepared.loaded
    specs = (
        *deployments_of(loaded, sweep_every_s=60 * options.sweep_every),
        *benchmark_deployments(prepared.targets),
    )

    from prefect.client.orchestration import get_client

    from flows.deployments.apply import apply, check_cron

    for spec in specs:
        check_cron(spec, str(loaded.file))
    with get_client(sync_client=True) as client:
        for applied in apply(client, specs):
            print(applied.sentence, flush=True)
    return 0


def _name_server(home: Path) -> None:
    """Lets Prefect find the server of this home, unless the environment names one. Raises UserError for none at all."""
    from flows.servers.bring_up import running

    if os.environ.get("PREFECT_API_URL"):
        return
    recorded = running(home)
    if recorded is None or not recorded.ready:
        raise UserError("no Prefect server runs; start one: miaotui up --detach, or name one in PREFECT_API_URL")
    os.environ["PREFECT_API_URL"] = recorded.exports["PREFECT_API_URL"]
