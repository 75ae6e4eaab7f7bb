"""`miaotui recalibrate`: new thresholds and certificates for a bundle from fresh rows, without training."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flows.command_line import models
from tasks.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from flows.home import Home
    from tasks.data.readers import RawRecord
    from tasks.data.rows import Row
    from tasks.records import Certificate, Recalibration
    from tasks.router.opened_bundle import OpenedBundle

LABEL_COLUMN: Final = "label"


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "recalibrate",
        help="new thresholds and certificates from fresh rows",
        description="Makes a new bundle of MODEL's paths: thresholds and certificates come from the rows of FILE. "
        "Nothing is trained; rows that the model was trained on prove nothing and must not be in FILE. A row may lack its "
        "label: it counts as lost wherever the answer is not the reference path's. --ask writes the rows whose labels matter.",
    )
    parser.add_argument("model", metavar="MODEL", help=models.HELP)
    parser.add_argument("--data", metavar="FILE", required=True, type=Path, help=".jsonl, .csv or .parquet")
    parser.add_argument("--labels", metavar="FILE", type=Path, help="labels for rows of --data that have none, by text")
    parser.add_argument(
        "--ask", metavar="FILE", type=Path, help="only write the rows whose labels matter, as .jsonl to be filled in"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="where the new bundle goes (default: below the home)"
    )
    parser.add_argument(
        "--reference", metavar="GRAPH", type=Path, help="the reference path's graph (default: found in the home)"
    )
    parser.add_argument("--target", metavar="T", default="local-cpu", help="name of a target")
    parser.add_argument("--text-column", default="text", metavar="NAME")
    parser.add_argument("--label-column", default=LABEL_COLUMN, metavar="NAME")
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
    columns = options.text_column, options.label_column
    rows = read_fresh_rows([options.data, *([options.labels] if options.labels else [])], *columns)
    home = Home.open()
    with captured_output(new_log(home.logs, "recalibrate")) as (_, err), watching(console_for(err)) as observer:
        from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate
        from tasks.router.opened_bundle import OpenedBundle

        bundle = models.bundle_folder(options.model)
        manifest = read_manifest(bundle)
        graph = options.reference or _reference_graph(home, manifest.reference_digest)
        if options.ask:
            return _ask(options, rows, OpenedBundle.open(bundle, graph, target))
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


def read_fresh_rows(files: "Sequence[Path]", text_column: str, label_column: str) -> "list[Row]":
    """The distinct, consistent rows of data files; of twins, the one with a label. A label may be missing, null or blank.

    Raises UserError naming the first record that cannot be used.
    """
    from tasks.data.duplicates import same_text_key, without_contradictions, without_duplicates
    from tasks.data.readers import place
    from tasks.data.rows import UNLABELLED
    from tasks.data.validation import Rejected, check_record
    from tasks.recipe.schema import DataConfig

    rows: list[Row] = []
    for file in files:
        config = DataConfig(train=(str(file),), text_column=text_column, label_column=label_column)
        for record in _records(file, text_column, label_column):
            unlabelled = _is_blank(record.values.get(label_column))
            if unlabelled:
                record = replace(record, values={**record.values, label_column: "a label to come"})
            checked = check_record(record, config, role="validation", source=str(file))
            if isinstance(checked, Rejected):
                raise UserError(checked.reason, file=place(str(file), checked.number))
            rows.append(replace(checked.row, label=UNLABELLED) if unlabelled else checked.row)
    labelled = {same_text_key(row.text) for row in rows if row.label != UNLABELLED}
    rows = [row for row in rows if row.label != UNLABELLED or same_text_key(row.text) not in labelled]
    consistent, _ = without_contradictions({"validation": rows})
    return without_duplicates(consistent["validation"])


def _records(file: Path, text_column: str, label_column: str) -> "list[RawRecord]":
    """All records; only a label column that nobody named may be missing altogether."""
    from tasks.data.readers import MissingColumnError, format_of, read_records

    try:
        return list(read_records(file, format_of(file), [text_column, label_column], location=str(file)))
    except MissingColumnError:
        if label_column != LABEL_COLUMN:
            raise
        return list(read_records(file, format_of(file), [text_column], location=str(file)))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _ask(options: argparse.Namespace, rows: "Sequence[Row]", bundle: "OpenedBundle") -> int:
    """Writes the rows whose labels matter."""
    from flows.command_line.console import console_for
    from tasks.router.opened_bundle import rows_to_label

    bundle.check_labels(rows)
    asked = rows_to_label(bundle, rows)
    if options.ask.exists():
        raise UserError("exists already, perhaps with labels in it; name another file with --ask", file=options.ask)
    lines = [
        json.dumps({options.text_column: row.text, options.label_column: None}, ensure_ascii=False) for row in asked
    ]
    unfinished = options.ask.with_name(f".{options.ask.name}.part")
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    unfinished.rename(options.ask)
    if options.json:
        print(json.dumps({"rows": len(rows), "rows_to_label": len(asked), "file": str(options.ask)}, indent=1))
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
    if result.unlabelled_rows:
        console.print(
            f"{result.unlabelled_rows} rows have no label; for {result.rows_to_label} of them it would matter (see --ask)"
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
    """The identity of rows, whatever their order and labels: a label that comes in later makes no unseen row of a seen one."""
    from tasks.data.rows import SPLITS, UNLABELLED, content_digest

    texts = [replace(row, label=UNLABELLED) for row in rows]
    return content_digest({split: texts if split == "certify" else () for split in SPLITS})


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
