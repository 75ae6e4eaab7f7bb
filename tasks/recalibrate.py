"""Recalibrate a bundle: new evidence weights, thresholds and certificates from fresh rows, without any training.

The paths stay byte for byte; the reference path, whose graph is given, stays the measure of what is lost. The rows are
parted into tune and certify by the same seeded, stratified hash that snapshots use.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from engine.bundle import TOKENIZER_FILE
from engine.router import Router
from tasks.bundling import Contents, golden_texts, write_bundle
from tasks.data.rows import UNLABELLED, Row
from tasks.data.splits import assign_splits
from tasks.errors import UserError
from tasks.recipe.data import SplitShares
from tasks.recipe.target import Target
from tasks.records import Recalibration
from tasks.router.certify import Subject, certify_points
from tasks.router.chain import build_chain
from tasks.router.opened_bundle import OpenedBundle
from tasks.router.rules import fit_rules
from tasks.router.views import read_split
from tasks.statistics.fixed_sequence import level_to_spend
from tasks.statistics.paired_test import rows_needed

FEWEST_TUNE_ROWS: Final = 100


class NotCertifiedError(UserError):
    """The certify rows were looked at, and no operating point could be certified on them."""


def part_rows(rows: Sequence[Row], *, seed: int) -> tuple[list[Row], list[Row]]:
    """(tune, certify) of fresh rows, which are expected to be free of duplicates."""
    labels = {row.text: row.label for row in rows}
    if UNLABELLED in labels.values():  # labels that come in later move no row
        rows = [replace(row, label=UNLABELLED) for row in rows]
    parts = assign_splits({"train": [], "validation": rows, "test": []}, SplitShares(), seed=seed)
    tune, certify = ([replace(row, label=labels[row.text]) for row in parts[name]] for name in ("tune", "certify"))
    return tune, certify


def recalibrate(
    bundle: Path,
    reference_graph: Path,
    tune_rows: Sequence[Row],
    certify_rows: Sequence[Row],
    *,
    false_rejection: float,
    attempt: int,
    target: Target,
    out: Path,
    progress: Callable[[str], None],
) -> Recalibration:
    """Write the new bundle to `out`, which must not exist; all or nothing.

    `false_rejection`: share of in-scope rows that the out-of-scope score may flag. `attempt`: which attempt at a certificate
    on these certify rows it is, from 1. UserError where the bundle has no ladder, the graph is not its reference path, rows
    are too few or have unknown labels, or no operating point could be certified: nothing is written then.
    """
    opened = OpenedBundle.open(bundle, reference_graph, target)
    opened.check_labels([*tune_rows, *certify_rows])
    router, before = opened.router, opened.certificates
    delta = level_to_spend(1 - before[0].confidence, attempt)
    _check_counts(len(tune_rows), len(certify_rows), max(entry.epsilon for entry in before), delta)
    progress(f"answers of all paths on {len(tune_rows)} tune rows")
    tune = opened.answers(tune_rows)
    progress(f"answers of all paths on {len(certify_rows)} certify rows")
    certify = opened.answers(certify_rows)

    progress("rules, chain and certificates")
    fitted = fit_rules(
        [rule.scorer.space for rule in router.rules],
        tune.ladder,
        tune.reference_right,
        router.out_of_scope_id,
        false_rejection,
        last_carries=router.rules[-1].carried_weight > 0,
    )
    cumulative = np.array([rule.cost_ms for rule in router.rules])
    costs = np.diff(cumulative, prepend=0.0)
    rules, tune_view = fitted.rules(cumulative), fitted.view(tune.ladder.truth)
    certified = certify_points(
        Subject(
            settings=build_chain(tune_view.views, tune.reference_right, costs),
            tune=tune_view.views,
            tune_right=tune.reference_right,
            certify=read_split(certify.ladder, rules, router.out_of_scope_id).views,
            certify_right=certify.reference_right,
            cumulative=cumulative,
            names=[rule.name for rule in rules],
            otherwise_ms=float(cumulative[-1]),
            ends_with_reference=opened.ends_with_reference,
            unlabelled=int(certify.assumed.sum()),
        ),
        [old.epsilon for old in before],
        confidence=before[0].confidence,
        delta=delta,
    )
    if not certified:
        raise NotCertifiedError(
            f"no operating point could be certified on {len(certify_rows)} certify rows "
            f"({', '.join(f'{entry.epsilon:.1%}' for entry in before)} tried): the promise does not hold on this data; "
            "give more rows, or retrain",
            file=bundle,
        )

    certificates = tuple(certificate for certificate, _ in certified.values())
    points = {name: point for name, (_, point) in certified.items()}
    default = router.default_point if router.default_point in points else min(points, key=lambda p: points[p].epsilon)
    new_router = Router(rules, points, default, router.out_of_scope_id)
    manifest = opened.manifest
    files = {entry.file: bundle / entry.file for entry in manifest.paths} | {TOKENIZER_FILE: bundle / TOKENIZER_FILE}
    contents = Contents(manifest.paths, files, new_router, opened.reference_router, certificates)
    golden = golden_texts([row.text for row in tune_rows], tune_view.views, points[default])
    unfinished = out.with_name(f".{out.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        write_bundle(unfinished, contents, manifest, golden, target)
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Recalibration(
        bundle=str(out),
        tune_rows=len(tune_rows),
        certify_rows=len(certify_rows),
        unlabelled_rows=int(tune.assumed.sum() + certify.assumed.sum()),
        rows_to_label=sum(int((split.assumed & split.differs).sum()) for split in (tune, certify)),
        attempt=attempt,
        operating_point=default,
        before=before,
        after=certificates,
    )


def _check_counts(tune: int, certify: int, epsilon: float, delta: float) -> None:
    needed = rows_needed(epsilon, delta)
    if certify < needed:
        raise UserError(
            f"a loss of at most {epsilon:.2%} needs {needed} certify rows or more, but {certify} came of the data: "
            f"add about {round((needed - certify) * (tune + certify) / max(certify, 1))} labelled rows"
        )
    if tune < FEWEST_TUNE_ROWS:
        raise UserError(f"{tune} tune rows came of the data, at least {FEWEST_TUNE_ROWS} are needed: add labelled rows")
