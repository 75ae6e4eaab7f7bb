"""Recalibrate a bundle: new evidence weights, thresholds and certificates from fresh labelled rows, without any training.

The paths stay byte for byte; the reference path, whose graph is given, stays the measure of what is lost. The rows are
parted into tune and certify by the same seeded, stratified hash that snapshots use.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from engine.adaptive_model import open_ladder
from engine.bundle import CERTIFICATE_FILE, REFERENCE_FOLDER, TOKENIZER_FILE, Manifest, read_manifest, verify
from engine.digests import file_digest
from engine.ladder import EncoderPath
from engine.router import Router
from engine.router_files import load_router
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.bundling import Contents, golden_texts, write_bundle
from tasks.data.rows import Row
from tasks.data.splits import assign_splits
from tasks.errors import UserError
from tasks.recipe.schema import SplitShares
from tasks.recipe.target import Target
from tasks.records import Certificate, Recalibration
from tasks.router.certify import certify_points
from tasks.router.chain import build_chain
from tasks.router.material import answered
from tasks.router.rules import fit_rules
from tasks.router.views import read_split
from tasks.statistics.fixed_sequence import level_to_spend
from tasks.statistics.paired_test import rows_needed

FEWEST_TUNE_ROWS: Final = 100
_REFERENCE: Final = "reference"


class NotCertifiedError(UserError):
    """The certify rows were looked at, and no operating point could be certified on them."""


def part_rows(rows: Sequence[Row], *, seed: int) -> tuple[list[Row], list[Row]]:
    """(tune, certify) of fresh rows, which are expected to be free of duplicates."""
    parts = assign_splits({"train": [], "validation": rows, "test": []}, SplitShares(), seed=seed)
    return parts["tune"], parts["certify"]


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
    manifest = read_manifest(bundle)
    verify(bundle, manifest)
    router, before = load_router(bundle), _certificates(bundle)
    _check(bundle, manifest, router, reference_graph, [*tune_rows, *certify_rows])
    delta = level_to_spend(1 - before[0].confidence, attempt)
    _check_counts(len(tune_rows), len(certify_rows), max(entry.epsilon for entry in before), delta)

    tokenizer = TextTokenizer(bundle / TOKENIZER_FILE, manifest.max_length)
    threads, provider = target.threads, target.execution_provider
    ladder = open_ladder(bundle, manifest, threads=threads, execution_provider=provider)
    reference = EncoderPath(_REFERENCE, open_session(reference_graph, threads=threads, execution_provider=provider))
    reference_router = load_router(bundle / REFERENCE_FOLDER)
    answers = {}
    for name, rows in (("tune", tune_rows), ("certify", certify_rows)):
        progress(f"answers of all paths on {len(rows)} {name} rows")
        answers[name] = answered(rows, ladder, reference, tokenizer, manifest.labels, manifest.out_of_scope_label)
    tune, certify = answers["tune"], answers["certify"]
    tune_reference, certify_reference = (
        split.read_reference(reference_router).views[0].right for split in (tune, certify)
    )

    progress("rules, chain and certificates")
    fitted = fit_rules(
        [rule.scorer.space for rule in router.rules],
        tune.ladder,
        tune_reference,
        router.out_of_scope_id,
        false_rejection,
        last_carries=router.rules[-1].carried_weight > 0,
    )
    rules = tuple(replace(new, cost_ms=old.cost_ms) for new, old in zip(fitted.rules, router.rules, strict=True))
    cumulative = np.array([rule.cost_ms for rule in rules])
    costs = np.diff(cumulative, prepend=0.0)
    tune_view = read_split(tune.ladder, rules, router.out_of_scope_id).with_stop_scores(fitted.stop_scores)
    certified = certify_points(
        [old.epsilon for old in before],
        build_chain(tune_view.views, tune_reference, costs),
        tune=tune_view.views,
        certify=read_split(certify.ladder, rules, router.out_of_scope_id).views,
        reference_right=certify_reference,
        cumulative=cumulative,
        names=[rule.name for rule in rules],
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
    files = {entry.file: bundle / entry.file for entry in manifest.paths} | {TOKENIZER_FILE: bundle / TOKENIZER_FILE}
    contents = Contents(manifest.paths, files, new_router, reference_router, certificates)
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
        attempt=attempt,
        operating_point=default,
        before=before,
        after=certificates,
    )


def _certificates(bundle: Path) -> tuple[Certificate, ...]:
    entries = json.loads((bundle / CERTIFICATE_FILE).read_text(encoding="utf-8"))
    return tuple(Certificate.model_validate(entry) for entry in entries)


def _check(bundle: Path, manifest: Manifest, router: Router, reference_graph: Path, rows: Sequence[Row]) -> None:
    if len(router.rules) < 2:
        raise UserError("this bundle is the reference path alone; it has no router to recalibrate", file=bundle)
    if file_digest(reference_graph) != manifest.reference_digest:
        raise UserError(
            "not the reference path of this bundle (its SHA-256 is another); give the reference.onnx of the run that made it",
            file=reference_graph,
        )
    known = {*manifest.labels, *([manifest.out_of_scope_label] if manifest.out_of_scope_label else [])}
    unknown = sorted({row.label for row in rows} - known)
    if unknown:
        raise UserError(
            f"{len(unknown)} labels are unknown to the bundle, {unknown[0]!r} first; leave their rows out, or retrain with them",
            file=bundle,
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
