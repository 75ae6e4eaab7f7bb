"""`miaotui recalibrate`: new thresholds and certificates for a bundle from fresh labelled rows, without training."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.command_line import models
from tasks.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from flows.home import Home
    from tasks.data.rows import Row
    from tasks.records import Certificate, Recalibration


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "recalibrate",
        help="new thresholds and certificates from fresh labelled rows",
        description="Makes a new bundle of MODEL's paths: thresholds and certificates come from the labelled rows of FILE. "
        "Nothing is trained; rows that the model was trained on prove nothing and must not be in FILE.",
    )
    parser.add_argument("model", metavar="MODEL", help=models.HELP)
    parser.add_argument("--data", metavar="FILE", required=True, type=Path, help=".jsonl, .csv or .parquet, labelled")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="where the new bundle goes (default: below the home)"
    )
    parser.add_argument(
        "--reference", metavar="GRAPH", type=Path, help="the reference path's graph (default: found in the home)"
    )
    parser.add_argument("--target", metavar="T", default="local-cpu", help="name of a target")
    parser.add_argument("--text-column", default="text", metavar="NAME")
    parser.add_argument("--label-column", default="label", metavar="NAME")
    parser.add_argument("--seed", type=int, default=0, help="parts the rows into tune and certify")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Recalibrates and says what changed."""
    from engine.bundle import read_manifest
    from engine.digests import combined_digest, folder_digest
    from flows.certify_attempts import Attempt, CertifyAttempts
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.command_line.watching import watching
    from flows.home import Home
    from tasks.recipe.load import load_target
    from tasks.recipe.schema import RouterConfig

    target = load_target(options.target)
    rows = read_labelled_rows(options.data, options.text_column, options.label_column)
    home = Home.open()
    with captured_output(new_log(home.logs, "recalibrate")) as (_, err), watching(console_for(err)) as observer:
        from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate

        bundle = models.bundle_folder(options.model)
        manifest = read_manifest(bundle)
        graph = options.reference or _reference_graph(home, manifest.reference_digest)
        tune, certify = part_rows(rows, seed=options.seed)
        # Whoever parts the same rows anew until a certificate comes out is trying again on rows that were seen.
        attempts = CertifyAttempts(home, _rows_digest(rows))
        key = combined_digest({"bundle": folder_digest(bundle), "certify": _rows_digest(certify)})
        attempt = attempts.number(key)
        out = options.out or home.folder / "recalibrated" / f"{manifest.name}-{key[:12]}"
        if out.exists():
            raise UserError("exists already; name another folder with --out, or remove it", file=out)
        out.parent.mkdir(parents=True, exist_ok=True)
        observer.started("recalibrate")
        try:
            result = recalibrate(
                bundle,
                graph,
                tune,
                certify,
                false_rejection=RouterConfig().out_of_scope_false_rejection,
                attempt=attempt,
                target=target,
                out=out,
                progress=lambda message: observer.progressed("recalibrate", message),
            )
        except NotCertifiedError:
            attempts.record(Attempt(key=key, number=attempt, certified=False))
            raise
        attempts.record(Attempt(key=key, number=attempt, certified=True))
    if options.json:
        print(result.model_dump_json(indent=1))
    else:
        print_recalibration(console_for(sys.stdout), result)
    return 0


def read_labelled_rows(file: Path, text_column: str, label_column: str) -> "list[Row]":
    """The distinct, consistent rows of a data file. Raises UserError naming the first record that cannot be used."""
    from tasks.data.duplicates import without_contradictions, without_duplicates
    from tasks.data.readers import format_of, place, read_records
    from tasks.data.validation import Rejected, check_record
    from tasks.recipe.schema import DataConfig

    config = DataConfig(train=(str(file),), text_column=text_column, label_column=label_column)
    rows = []
    for record in read_records(file, format_of(file), [text_column, label_column], location=str(file)):
        checked = check_record(record, config, role="validation", source=str(file))
        if isinstance(checked, Rejected):
            raise UserError(checked.reason, file=place(str(file), checked.number))
        rows.append(checked.row)
    consistent, _ = without_contradictions({"validation": rows})
    return without_duplicates(consistent["validation"])


def print_recalibration(console: "Console", result: "Recalibration") -> None:
    """What changed, one operating point a line."""
    from flows.command_line.console import print_rows

    after = {entry.operating_point: entry for entry in result.after}
    console.print(
        f"recalibrated on {result.tune_rows} tune and {result.certify_rows} certify rows (attempt {result.attempt})"
    )
    header = ("operating point", "cost before", "after", "stops before", "after")
    print_rows(console, [header, *(_row(old, after.get(old.operating_point)) for old in result.before)])
    console.print(f"default operating point: {result.operating_point}")
    console.print(f"bundle: {result.bundle}", soft_wrap=True)


def _row(old: "Certificate", new: "Certificate | None") -> Sequence[str]:
    now = ("not certified any more", "–") if new is None else (f"{new.expected_cost_ms:.2f} ms", _shares(new))
    return old.operating_point, f"{old.expected_cost_ms:.2f} ms", now[0], _shares(old), now[1]


def _shares(certificate: "Certificate") -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in certificate.stop_shares.items() if share >= 0.005)


def _rows_digest(rows: "Sequence[Row]") -> str:
    """The identity of rows, whatever their order."""
    from tasks.data.rows import SPLITS, content_digest

    return content_digest({split: rows if split == "certify" else () for split in SPLITS})


def _reference_graph(home: "Home", digest: str) -> Path:
    """The graph with this digest among the results of earlier runs."""
    from engine.digests import file_digest

    for graph in sorted(home.store.glob("quantize/*/out/reference.onnx")):
        if file_digest(graph) == digest:
            return graph
    raise UserError(
        "the reference path of this bundle is not in the home (the run that made it was elsewhere); name its "
        "reference.onnx with --reference",
        file=home.folder,
    )
