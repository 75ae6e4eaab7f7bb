"""`miaotui init`: a first recipe for a data file of one's own."""

import argparse
import sys
from pathlib import Path
from typing import Any

from flows.command_line import data_file
from tasks.errors import UserError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "init",
        help="write a first recipe for a data file",
        description="Looks at the rows of FILE and writes a recipe for them: which columns they are, what can be promised with "
        "so many rows, and what to begin with. What was guessed says so. Run it with: miaotui run RECIPE.",
    )
    parser.add_argument("data", metavar="FILE", type=Path, help=f"labelled rows: {data_file.FORMATS}")
    parser.add_argument(
        "--task", metavar="T", help="text-classification or text-generation (default: what the rows look like)"
    )
    parser.add_argument("--text-column", metavar="NAME", help="the column of texts, or of prompts")
    parser.add_argument("--label-column", metavar="NAME", help="the column of labels, or of completions")
    parser.add_argument("--base-model", metavar="MODEL", help="a folder, or owner/name of a hub")
    parser.add_argument("--name", metavar="NAME", help="of the registered model (default: the file's)")
    parser.add_argument(
        "--target", metavar="T", action="append", help="hardware to measure on; may be repeated (local-cpu)"
    )
    data_file.add_delimiter(parser)
    parser.add_argument("--out", metavar="RECIPE", type=Path, help="where to write it (default: standard output)")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Writes the recipe."""
    from tasks.data.tables import read_table
    from tasks.families.first_recipe import Wanted, first_recipe
    from tasks.recipe.load_target import load_target
    from tasks.whole_files import write_whole

    if options.out is not None and options.out.exists():
        raise UserError("exists already; name another file with --out", file=options.out)
    folder = options.out.parent if options.out is not None else Path.cwd()
    if not folder.is_dir():
        raise UserError("no such folder", file=folder)
    targets = tuple(options.target or ("local-cpu",))
    for target in targets:
        load_target(target, options.out or folder / "recipe.yaml")
    wanted = Wanted(
        family=options.task,
        text_column=options.text_column,
        label_column=options.label_column,
        base_model=options.base_model,
        name=options.name,
        targets=targets,
    )
    table = read_table(options.data, options.delimiter)
    text = first_recipe(table, wanted, folder=folder)
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_whole(options.out, text)
        print(f"{options.out}: look it through, then: miaotui run {options.out}")
    return 0
