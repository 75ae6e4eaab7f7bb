"""`miaotui take-in`: looks now at what has landed, as the deployment of the same name does by itself."""

import argparse
import sys
from pathlib import Path
from typing import Any

from engine import strict_json


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "take-in",
        help="look at what has landed",
        description="Takes in what has landed for RECIPE's model and is enough by its `intake`: the drift that it shows decides "
        "whether the router is recalibrated, the model retrained, or nothing is to be done.",
    )
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe (YAML)")
    parser.add_argument(
        "--set",
        metavar="A.B=VALUE",
        dest="overrides",
        action="append",
        default=[],
        help="override a field of the recipe; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print what it came to as one JSON document")
    parser.set_defaults(execute=execute, resumes=True)


def execute(options: argparse.Namespace) -> int:
    """Looks, and says what came of it. A verdict is no exit code here: the data were taken in, whichever it is."""
    from engine.errors import EngineError
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.command_line.watching import watching
    from flows.home import Home
    from flows.preparation import prepare
    from flows.progress import observing
    from flows.servers.embedded import PrefectServer
    from flows.servers.named import require_prefect_server
    from tasks.families.load_recipe import load_recipe

    require_prefect_server()
    home = Home.open()
    log = new_log(home.logs, "take-in")
    with captured_output(log) as (_, err), watching(console_for(err)) as observer:
        prepared = prepare(load_recipe(options.recipe, options.overrides), home)
        observer.started("Prefect server")
        server = PrefectServer.of_environment(log=log)
        from flows.take_in import taken_in

        server.wait()
        try:
            with observing(observer):
                state = taken_in(prepared, home)
        except EngineError as error:
            raise RuntimeError(str(error)) from error
        if not state.is_completed():
            state.result()  # raises what ended the flow
    if options.json:
        print(strict_json.dumps({"state": state.name, "message": state.message}, indent=1))
    else:
        console_for(sys.stdout).print(f"{state.name}: {state.message}", soft_wrap=True, highlight=False, markup=False)
    return 0
