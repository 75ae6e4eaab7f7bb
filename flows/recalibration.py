"""New thresholds and certificates for a bundle of the home from fresh rows, without training; for commands and flows.

Whoever parts the same rows anew until a certificate comes out is trying again on rows that were seen: attempts are counted,
as those of runs are (docs/certificate.md, section 5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.home import Home
from flows.preparation import built_for
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.recipe.target import Target

if TYPE_CHECKING:
    from flows.certify_attempts import CertifyAttempts
    from tasks.bundles.opened import OpenedBundle
    from tasks.data.row_sets import RowSet
    from tasks.data.rows import Row
    from tasks.families.family import BundleReading
    from tasks.records import Recalibration


class Request(Record):
    """What to recalibrate: a bundle's folder, for a target. `reference`: its reference path, else found in it or in the home.

    `out`: the new bundle's folder, else one below the home. `seed` parts the rows into tune and certify.
    """

    bundle: Path
    target: Target
    reference: Path | None = None
    out: Path | None = None
    seed: int = 0


def fresh_rows(
    bundle: Path,
    files: Sequence[Path],
    text_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    *,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> "list[Row]":
    """The rows of data files such as the bundle is made for; no name of a column takes its recipe's own.

    `delimiter`: of CSV files; None finds it. `tell`: hears what was left out, and what was not taken as it is written.

    Raises UserError naming the first record that cannot be used.
    """
    from flows.fresh_rows import data_section_of, named_columns, read_fresh_rows
    from flows.inbox.rows import Columns
    from tasks.data.completions import answer_form

    data = data_section_of(bundle)
    usual = Columns.of(data)
    columns = named_columns(usual, text_column, label_column, delimiter)
    return read_fresh_rows(files, columns, usual, form=answer_form(data), tell=tell)


def open_bundle(home: Home, request: Request) -> "OpenedBundle":
    """The bundle beside its reference path. Raises UserError where that is not found, or there is nothing to route between."""
    from tasks.families.family import bundle_reading

    reading = bundle_reading(request.bundle)
    if request.reference is not None and not request.reference.exists():
        raise UserError("no such file or folder; it was to be the reference path", file=request.reference)
    reference = request.reference or _reference_path(home, request.bundle, reading)
    return reading.open(request.bundle, reference, built_for([request.target]))


def recalibrate_bundle(
    home: Home, request: Request, rows: "Sequence[Row]", *, progress: Callable[[str], None] = lambda _message: None
) -> "Recalibration":
    """The new bundle and what changed. Raises NotCertifiedError, on the record, where the rows prove too little.

    Raises UserError where the reference path is not found, or the folder is taken.
    """
    from engine.bundle import read_manifest
    from engine.digests import combined_digest, folder_digest
    from flows.certify_attempts import Attempt, CertifyAttempts
    from tasks.data.row_sets import row_set, set_digest
    from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate

    bundle, attempts = request.bundle, CertifyAttempts(home)
    opened = open_bundle(home, request)
    tune, parted = part_rows(rows, opened.recipe, seed=request.seed)
    with attempts.one_at_a_time(progress):
        certify, look = _looked_at(attempts, opened, rows, parted)
        of = combined_digest({"bundle": folder_digest(bundle), "certify": set_digest(row_set(certify))})
        out = request.out or home.folder / "recalibrated" / f"{read_manifest(bundle).name}-{of[:12]}"
        if out.exists():
            raise UserError("exists already; name another folder with --out, or remove it", file=out)
        if len(certify) < len(parted):
            progress(f"{len(parted) - len(certify)} certify rows that attempts have seen stay out")
        out.parent.mkdir(parents=True, exist_ok=True)

        def record(result: str, *, certified: bool) -> None:
            attempt = Attempt(of=of, result=result, number=look.number, certified=certified)
            attempts.record(look.rows, attempt, known_as=look.known_as)

        try:
            result = recalibrate(opened, tune, certify, attempt=look.number, out=out, progress=progress)
        except NotCertifiedError:
            record(f"{of} {look.number}", certified=False)
            raise
        record(folder_digest(out), certified=True)
    twins = len(rows) - len(tune) - len(parted)
    return result.model_copy(update={"near_duplicates": twins, "seen_rows": len(parted) - len(certify)})


@dataclass(frozen=True)
class _Look:
    """What an attempt looks at and its number; `known_as`: what the rows were counted under by the record's earlier form."""

    rows: "RowSet"
    number: int
    known_as: str | None = None


def _looked_at(
    attempts: "CertifyAttempts", opened: "OpenedBundle", rows: "Sequence[Row]", parted: "list[Row]"
) -> "tuple[list[Row], _Look]":
    """The certify rows, and what is counted: all rows that were given, since another seed makes certify rows of tune rows.

    Only those that no attempt has seen, where these promise more.
    """
    from flows.certify_rows import fresh_rows_promise_more
    from tasks.data.row_sets import row_keys, row_set

    everything, known_as = row_set(rows), _known_as(rows)
    number = attempts.number(everything, known_as=known_as)
    unseen = [row for row, new in zip(parted, attempts.unseen(row_keys(parted)).tolist(), strict=True) if new]
    widest, confidence = max(opened.promises), opened.recipe.router.confidence
    if not fresh_rows_promise_more(len(parted), len(unseen), number, widest, confidence):
        return parted, _Look(everything, number, known_as)
    fresh = everything[attempts.unseen(everything)]
    return unseen, _Look(fresh, attempts.number(fresh))


def _reference_path(home: Home, bundle: Path, reading: "BundleReading") -> Path:
    """One of the bundle's own paths, or of the results of earlier runs. Raises UserError where it is neither."""
    from engine.bundle import read_manifest

    manifest = read_manifest(bundle)
    own = [bundle / entry.file for entry in manifest.paths]
    for candidate in (*own, *sorted(home.store.glob(reading.stored_reference))):
        if candidate.exists() and reading.reference_digest(candidate) == manifest.reference_digest:
            return candidate
    raise UserError(
        "the reference path of this bundle is neither in it nor in the home (the run that made it was elsewhere); name its "
        f"{Path(reading.stored_reference).name} with --reference",
        file=home.folder,
    )


def _known_as(rows: "Sequence[Row]") -> str:
    """What attempts at these rows were counted under before they were counted by the certify rows themselves."""
    from tasks.data.rows import SPLITS, UNLABELLED, content_digest

    texts = [replace(row, label=UNLABELLED) for row in rows]
    return content_digest({split: texts if split == "certify" else () for split in SPLITS})
