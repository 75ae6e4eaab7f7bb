"""New thresholds and certificates for a bundle of the home from fresh rows, without training; for commands and flows.

Whoever parts the same rows anew until a certificate comes out is trying again on rows that were seen: attempts are counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.home import Home
from flows.preparation import built_for
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.recipe.target import Target

if TYPE_CHECKING:
    from tasks.data.readers import RawRecord
    from tasks.data.rows import Row
    from tasks.records import Recalibration

LABEL_COLUMN: Final = "label"


class Request(Record):
    """What to recalibrate: a bundle's folder, for a target. `reference`: its reference path's graph, else found in the home.

    `out`: the new bundle's folder, else one below the home. `seed` parts the rows into tune and certify.
    """

    bundle: Path
    target: Target
    reference: Path | None = None
    out: Path | None = None
    seed: int = 0


def recalibrate_bundle(
    home: Home, request: Request, rows: "Sequence[Row]", *, progress: Callable[[str], None] = lambda _message: None
) -> "Recalibration":
    """The new bundle and what changed. Raises NotCertifiedError, on the record, where the rows prove too little.

    Raises UserError where the reference path is not found, or the folder is taken.
    """
    from engine.bundle import read_manifest
    from engine.digests import combined_digest, folder_digest
    from flows.certify_attempts import Attempt, CertifyAttempts
    from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate
    from tasks.recipe.schema import RouterConfig

    bundle = request.bundle
    graph = request.reference or reference_graph(home, bundle)
    tune, certify = part_rows(rows, seed=request.seed)
    attempts = CertifyAttempts(home, _rows_digest(rows))
    key = combined_digest({"bundle": folder_digest(bundle), "certify": _rows_digest(certify)})
    attempt = attempts.number(key)
    out = request.out or home.folder / "recalibrated" / f"{read_manifest(bundle).name}-{key[:12]}"
    if out.exists():
        raise UserError("exists already; name another folder with --out, or remove it", file=out)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        result = recalibrate(
            bundle,
            graph,
            tune,
            certify,
            false_rejection=RouterConfig().out_of_scope_false_rejection,
            attempt=attempt,
            target=built_for([request.target]),
            out=out,
            progress=progress,
        )
    except NotCertifiedError:
        attempts.record(Attempt(key=key, number=attempt, certified=False))
        raise
    attempts.record(Attempt(key=key, number=attempt, certified=True))
    return result


def reference_graph(home: Home, bundle: Path) -> Path:
    """The graph of the bundle's reference path among the results of earlier runs. Raises UserError where it is not."""
    from engine.bundle import read_manifest
    from engine.digests import file_digest

    digest = read_manifest(bundle).reference_digest
    for graph in sorted(home.store.glob("quantize/*/out/reference.onnx")):
        if file_digest(graph) == digest:
            return graph
    raise UserError(
        "the reference path of this bundle is not in the home (the run that made it was elsewhere); name its "
        "reference.onnx with --reference",
        file=home.folder,
    )


def read_fresh_rows(files: "Sequence[Path]", text_column: str, label_column: str) -> "list[Row]":
    """The distinct, consistent rows of data files; of twins, the one with a label. A label may be missing, null or blank.

    Raises UserError naming the first record that cannot be used.
    """
    from tasks.data.duplicates import same_text_key, without_contradictions, without_duplicates
    from tasks.data.readers import place
    from tasks.data.rows import UNLABELLED
    from tasks.data.validation import Rejected, check_record
    from tasks.recipe.data import DataConfig

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


def _rows_digest(rows: "Sequence[Row]") -> str:
    """The identity of rows, whatever their order and labels: a label that comes in later makes no unseen row of a seen one."""
    from tasks.data.rows import SPLITS, UNLABELLED, content_digest

    texts = [replace(row, label=UNLABELLED) for row in rows]
    return content_digest({split: texts if split == "certify" else () for split in SPLITS})
