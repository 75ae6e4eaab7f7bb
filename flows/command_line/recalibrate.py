"""`miaotui recalibrate`: new thresholds and certificates for a bundle from fresh rows, without training."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import strict_json
from flows.command_line import data_file, models
from tasks.errors import UserError
from tasks.whole_files import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from tasks.bundles.opened import OpenedBundle
    from tasks.data.rows import Row
    from tasks.records import Certificate, Recalibration


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "recalibrate",
        help="new thresholds and certificates from fresh rows",
        description="Makes a new bundle of MODEL's paths: thresholds and certificates come from the rows of FILE. "
        "Nothing is trained; rows that the model was trained on prove nothing and must not be in FILE. A row may lack its "
        "label (its completion): it counts as lost wherever the answer is not the reference path's. --ask writes the rows "
        "whose labels matter.",
    )
    parser.add_argument("model", metavar="MODEL", help=models.HELP)
    parser.add_argument("--data", metavar="FILE", required=True, type=Path, help=data_file.FORMATS)
    parser.add_argument("--labels", metavar="FILE", type=Path, help="labels for rows of --data that have none, by text")
    parser.add_argument(
        "--ask", metavar="FILE", type=Path, help="only write the rows whose labels matter, as .jsonl to be filled in"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="where the new bundle goes (default: below the home)"
    )
    parser.add_argument(
        "--reference",
        metavar="PATH",
        type=Path,
        help="the reference path: a graph, or a decoder's folder (default: found in MODEL or in the home)",
    )
    parser.add_argument("--target", metavar="T", default="local-cpu", help="name of a target")
    parser.add_argument("--text-column", metavar="NAME", help="default: that of MODEL's recipe")
    parser.add_argument("--label-column", metavar="NAME", help="default: that of MODEL's recipe")
    data_file.add_delimiter(parser)
    parser.add_argument("--seed", type=int, default=0, help="parts the rows into tune and certify")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Recalibrates and says what changed."""
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.command_line.watching import watching
    from flows.home import Home
    from flows.recalibration import Request, fresh_rows, open_bundle, recalibrate_bundle
    from tasks.recipe.load_target import load_target

    target, home = load_target(options.target), Home.open()
    files = [options.data, *([options.labels] if options.labels else [])]
    with captured_output(new_log(home.logs, "recalibrate")) as (_, err), watching(console_for(err)) as observer:
        bundle = models.bundle_folder(options.model)
        columns = (options.text_column, options.label_column, options.delimiter)
        rows = fresh_rows(bundle, files, *columns, tell=observer.noted)
        request = Request(bundle=bundle, target=target, reference=options.reference, out=options.out, seed=options.seed)
        if options.ask:
            return _ask(options, rows, open_bundle(home, request))
        observer.started("recalibrate")
        result = recalibrate_bundle(
            home, request, rows, progress=lambda message: observer.progressed("recalibrate", message)
        )
    if options.json:
        print(result.model_dump_json(indent=1))
    else:
        print_recalibration(console_for(sys.stdout), result)
    return 0


def _ask(options: argparse.Namespace, rows: "Sequence[Row]", bundle: "OpenedBundle") -> int:
    """Writes the rows whose labels matter."""
    from flows.command_line.console import console_for
    from flows.fresh_rows import data_section_of, named_columns
    from flows.inbox.rows import Columns

    columns = named_columns(Columns.of(data_section_of(bundle.folder)), options.text_column, options.label_column)
    asked = bundle.rows_to_label(rows)
    if options.ask.exists():
        raise UserError("exists already, perhaps with labels in it; name another file with --ask", file=options.ask)
    lines = [strict_json.dumps({columns.text_column: row.text, columns.label_column: None}) for row in asked]
    write_whole(options.ask, "".join(f"{line}\n" for line in lines))
    if options.json:
        print(
            strict_json.dumps(
                {"rows": len(rows), "rows_to_label": len(asked), "file": str(options.ask)}, indent=1, ascii_only=True
            )
        )
    else:
        console_for(sys.stdout).print(
            f"{len(asked)} of {len(rows)} rows need a label: fill them in in {options.ask} and give it with --labels",
            soft_wrap=True,
        )
    return 0


def print_recalibration(console: "Console", result: "Recalibration") -> None:
    """What changed, one operating point a line."""
    from flows.command_line.console import print_rows

    after = {entry.operating_point: entry for entry in result.after}
    console.print(
        f"recalibrated on {result.tune_rows} tune and {result.certify_rows} certify rows (attempt {result.attempt})"
    )
    if result.near_duplicates:
        console.print(f"{result.near_duplicates} rows were left out of tune: they nearly repeat rows of certify")
    if result.seen_rows:
        console.print(f"{result.seen_rows} rows were left out of certify: failed attempts have seen them")
    if result.unlabelled_rows:
        console.print(
            f"{result.unlabelled_rows} rows have no label; for {result.rows_to_label} of them it would matter (see --ask)"
        )
    header = ("operating point", "cost before", "after", "stops before", "after")
    before = {entry.operating_point: entry for entry in result.before}
    entries = sorted((before | after).values(), key=lambda entry: entry.epsilon)
    points = [entry.operating_point for entry in entries]
    print_rows(console, [header, *(_row(point, before.get(point), after.get(point)) for point in points)])
    if result.paths != result.paths_before:
        console.print(f"paths: {', '.join(result.paths_before)} before, {', '.join(result.paths)} now")
    console.print(f"default operating point: {result.operating_point}")
    console.print(f"bundle: {result.bundle}", soft_wrap=True)


def _row(name: str, old: "Certificate | None", new: "Certificate | None") -> Sequence[str]:
    before = ("not certified", "–") if old is None else (f"{old.expected_cost_ms:.2f} ms", _shares(old))
    now = ("not certified any more", "–") if new is None else (f"{new.expected_cost_ms:.2f} ms", _shares(new))
    return name, before[0], now[0], before[1], now[1]


def _shares(certificate: "Certificate") -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in certificate.stop_shares.items() if share >= 0.005)
