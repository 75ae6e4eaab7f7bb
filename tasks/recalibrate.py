"""Recalibrate a bundle: new thresholds and certificates from fresh rows, without any training, for every task family.

The reference path stays the measure of what is lost. The rows are parted into tune and certify by the same seeded,
stratified hash that snapshots use; what a family makes of them is its opened bundle's business.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tasks.artifact import Workspace
from tasks.bundles.opened import OpenedBundle
from tasks.data.completions import normal_form
from tasks.data.duplicates import without_leaks
from tasks.data.rows import UNLABELLED, Row
from tasks.data.splits import assign_splits
from tasks.errors import UserError
from tasks.probes.step import probe_bundle
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import SplitShares
from tasks.recipe.target import Target
from tasks.records import ProbesResult, Recalibration
from tasks.statistics.attempts import attempt_level
from tasks.statistics.paired_test import rows_needed
from tasks.whole_files import publish

FEWEST_TUNE_ROWS: Final = 100


class NotCertifiedError(UserError):
    """The certify rows were looked at, and no bundle came of it: an attempt that failed."""


def part_rows(rows: Sequence[Row], recipe: BundledRecipe, *, seed: int) -> tuple[list[Row], list[Row]]:
    """(tune, certify) of fresh rows, which are expected to be free of duplicates, as the bundle's recipe parts them.

    Rows of tune that nearly repeat one of certify are in neither.
    """
    labels = {row.text: row.label for row in rows}
    if UNLABELLED in labels.values():  # labels that come in later move no row
        rows = [replace(row, label=UNLABELLED) for row in rows]
    given = {"train": [], "validation": rows, "test": []}
    shares = SplitShares(tune_of_validation=recipe.tune_of_validation)
    parts = assign_splits(given, shares, seed=seed, classes=recipe.classes)
    form = str if recipe.correct is None else partial(normal_form, recipe.correct)
    parts, _ = without_leaks(parts, similarity=recipe.near_duplicate_similarity, form=form)
    tune, certify = ([replace(row, label=labels[row.text]) for row in parts[name]] for name in ("tune", "certify"))
    return tune, certify


def recalibrate(
    opened: OpenedBundle,
    tune_rows: Sequence[Row],
    certify_rows: Sequence[Row],
    *,
    attempt: int,
    out: Path,
    progress: Callable[[str], None],
) -> Recalibration:
    """Write the new bundle to `out`, which must not exist; all or nothing.

    `attempt`: which attempt at a certificate on these certify rows it is since the last certified bundle, from 1. UserError
    where rows are too few or not such as the bundle knows, no operating point could be certified, or the new bundle does not
    meet the probes: nothing is written then.
    """
    before, promises = opened.certificates, opened.promises
    _check_counts(len(tune_rows), len(certify_rows), opened, attempt)
    found = opened.fresh_router(tune_rows, certify_rows, attempt=attempt, progress=progress)
    if found is None:
        raise NotCertifiedError(
            f"no operating point could be certified on {len(certify_rows)} certify rows "
            f"({', '.join(f'{epsilon:.1%}' for epsilon in promises)} tried): the promise does not hold on this data; "
            "give more rows, or retrain",
            file=opened.folder,
        )
    unfinished = out.with_name(f".{out.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        found.write(unfinished)
        progress("probes")
        probes = _probed(unfinished, opened.target)
        publish(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Recalibration(
        bundle=str(out),
        tune_rows=len(tune_rows),
        certify_rows=len(certify_rows),
        unlabelled_rows=sum(row.label == UNLABELLED for row in (*tune_rows, *certify_rows)),
        rows_to_label=found.rows_to_label,
        attempt=attempt,
        operating_point=found.operating_point,
        before=before,
        after=found.certificates,
        paths_before=tuple(entry.name for entry in opened.manifest.paths),
        paths=found.paths,
        probes=probes,
    )


def _probed(bundle: Path, target: Target) -> ProbesResult:
    """What the new bundle makes of the probes. Raises NotCertifiedError where it does not meet them: it could not serve."""
    with tempfile.TemporaryDirectory(prefix="miaotui-probes-") as folder:
        probes = probe_bundle(bundle, target, Workspace(Path(folder), Path(folder)))
    if probes.problems:
        first = probes.problems[0]
        raise NotCertifiedError(
            f"the new bundle does not meet the probes ({first.name} {first.problem}); retrain", file=bundle
        )
    if not probes.golden_rows:
        raise NotCertifiedError(
            "none of the tune rows can be asked, so the new bundle has no golden answers; add rows that can"
        )
    return probes


def _check_counts(tune: int, certify: int, opened: OpenedBundle, attempt: int) -> None:
    epsilon, delta = max(opened.promises), 1 - opened.recipe.router.confidence
    needed, first = (rows_needed(epsilon, attempt_level(delta, number)) for number in (attempt, 1))
    if certify < needed:
        retry = f" at attempt {attempt}" if attempt > 1 else ""
        fresh = f", or give {first} certify rows that no attempt has seen" if retry else ""
        raise UserError(
            f"a loss of at most {epsilon:.2%} needs {needed} certify rows or more{retry}, but {certify} came of "
            f"the data: add about {round((needed - certify) * (tune + certify) / max(certify, 1))} labelled rows{fresh}"
        )
    if tune < FEWEST_TUNE_ROWS:
        raise UserError(f"{tune} tune rows came of the data, at least {FEWEST_TUNE_ROWS} are needed: add labelled rows")
