"""`miaotui deploy`: registers a recipe's schedules with Prefect's server, and shows what that changed."""

import argparse
from pathlib import Path
from typing import Any

from tasks.errors import UserError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "deploy",
        help="register a recipe's schedules",
        description="Registers the nightly run of RECIPE (its `schedule`), the look at what has landed (its `intake`), the "
        "sweep of reviews, the weekly retention, the recalibration and the benchmark of every target that has a work pool "
        "with the Prefect server that `miaotui up` started, or that PREFECT_API_URL names; the same again changes nothing.",
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
    parser.add_argument(
        "--delete-old", action="store_true", help="let the weekly retention delete what `miaotui clean` lists"
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Prints a line per work pool and deployment: created, updated or unchanged, and its next run."""
    from flows.deployments.benchmarks import benchmark_deployments
    from flows.deployments.plan import deployments_of
    from flows.home import Home
    from flows.inbox.landing import read_by
    from flows.inbox.rows import Columns
    from flows.inbox.trigger import require_server
    from flows.preparation import prepare
    from flows.servers.named import require_prefect_server
    from tasks.families.load_recipe import load_recipe

    if not 1 <= options.sweep_every <= 24 * 60:
        raise UserError("must be from 1 to 1440 minutes", field="--sweep-every")
    home = Home.open()
    require_server(home.folder)
    require_prefect_server()
    # What is wrong with data, model or targets is said now, and not at night.
    loaded = load_recipe(options.recipe, options.overrides)
    prepared = prepare(loaded, home)
    read_by(home, loaded.recipe.name, Columns.of(loaded.recipe.data))
    specs = (
        *deployments_of(loaded, sweep_every_s=60 * options.sweep_every, delete_old=options.delete_old),
        *benchmark_deployments(prepared.targets),
    )

    from prefect.client.orchestration import get_client

    from flows.deployments.apply import apply, check_cron
    from flows.deployments.lost_runs import apply_lost_runs
    from flows.notices.blocks import require_blocks

    for spec in specs:
        check_cron(spec, str(loaded.file))
    require_blocks(loaded.recipe.notify.blocks, str(loaded.file))
    with get_client(sync_client=True) as client:
        for applied in apply(client, specs):
            print(applied.sentence, flush=True)
        print(apply_lost_runs(client).sentence, flush=True)
    return 0
