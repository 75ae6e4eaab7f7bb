"""`miaotui land`: puts new labelled data where the trigger finds it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import strict_json
from flows.command_line import data_file
from tasks.errors import UserError

if TYPE_CHECKING:
    from flows.home import Home
    from flows.inbox.files import InboxFolders
    from flows.inbox.landing import Landing
    from flows.inbox.rows import Columns

NOTHING_ACCEPTED: Final = 2


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "land",
        help="take in new labelled data",
        description="Checks FILEs row by row, keeps what is good for the next look at what has landed for NAME, and asks a "
        "running Prefect server for that look.",
        epilog="The same bytes count once, whatever they are called. Exit code 2: nothing was accepted.",
    )
    parser.add_argument("name", metavar="NAME", help="the model (the recipe's name)")
    parser.add_argument("files", metavar="FILE", nargs="+", help=f"a path, file://… or s3://…; {data_file.FORMATS}")
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="RECIPE",
        help="take the names of the columns (and the delimiter) from it, from now on",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document per file")
    parser.set_defaults(execute=execute, resumes=True)


def execute(options: argparse.Namespace) -> int:
    """Lands the files, and prints what became of each."""
    from flows.home import Home
    from flows.inbox.files import InboxFolders
    from flows.inbox.landing import land

    home = Home.open()
    columns = _columns(options.recipe, options.name) if options.recipe else None
    folders = InboxFolders.of(home, options.name)
    landings = land(home, options.name, options.files, columns=columns)
    for landing in landings:
        print(strict_json.dumps(landing.as_json()) if options.json else line(landing, folders))
    print(_announced(home, options.name), file=sys.stderr)
    return 0 if any(landing.accepted for landing in landings) else NOTHING_ACCEPTED


def line(landing: "Landing", folders: "InboxFolders") -> str:
    """What became of one file."""
    if landing.state is None:
        return f"{landing.source}: refused, {landing.reason}"
    sentence = f"{landing.source}: {landing.state.value}"
    if landing.known:
        sentence += " (the same bytes have come before)"
    if landing.rows:
        sentence += f", {landing.rows:,} good rows"
    if landing.reason:
        sentence += f", {landing.reason}"
    if landing.quarantined or landing.reason:
        bad = f"{landing.quarantined:,} bad rows" if landing.quarantined else "the reason"
        sentence += f"; {bad} in {folders.quarantine / f'{landing.sha256}.jsonl'}"
    return sentence


def _announced(home: "Home", name: str) -> str:
    """Whether somebody looks at it now."""
    from flows.inbox.landing import announce_landed
    from flows.inbox.trigger import NotAnnouncedError, announce, name_server

    if not name_server(home.folder):
        return "no Prefect server runs: what has landed waits for the next look (miaotui up, miaotui deploy)"
    try:
        told = announce_landed(home, name, announce)
    except NotAnnouncedError as error:
        return f"what has landed waits for the next look: {error}"
    return f"asked for a look at {len(told)} new files" if told else "nothing new to look at"


def _columns(recipe: Path, name: str) -> "Columns":
    from flows.inbox.rows import Columns
    from tasks.families.load_recipe import load_recipe

    loaded = load_recipe(recipe).recipe
    if loaded.name != name:
        raise UserError(f"is the recipe of {loaded.name!r}, not of {name!r}", file=recipe, field="name")
    return Columns.of(loaded.data)
