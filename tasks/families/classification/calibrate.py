"""Calibrate the router on tune, certify it on certify, and assemble the bundle.

The reference path is the fine-tuned fp32 model with an out-of-scope rule of its own. Which ladder is certified is decided on
tune (routing.ladders), so certify stays fresh. Where the chosen operating point cannot be certified, or there are too few rows
to try, the bundle ships the reference path alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.bundle import TOKENIZER_FILE
from engine.classification.router import PathRule, Router
from engine.digests import file_digest
from engine.operating_points import OperatingPoint
from tasks.artifact import Artifact, Workspace
from tasks.bundles.golden import golden_texts
from tasks.bundles.place import BUNDLE_FOLDER
from tasks.certification.certify import reference_certificate
from tasks.certification.chain import PathView
from tasks.certification.planning import Promise
from tasks.certification.result import router_result
from tasks.data.rows import read_rows
from tasks.families.classification.bundling import Contents, make_manifest, write_bundle
from tasks.families.classification.files import tokenizer_file
from tasks.families.classification.records import ExportResult, LexicalResult
from tasks.families.classification.routing.gathering import (
    REFERENCE,
    REFERENCE_ENTRY,
    REFERENCE_FILE,
    gather,
    router_of_reference,
)
from tasks.families.classification.routing.ladders import Ladder, candidates, certified_ladder
from tasks.families.classification.routing.parts import path_file
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.target import Target
from tasks.records import CompressionResult, RouterResult, SnapshotResult, operating_point_name
from tasks.statistics.attempts import attempt_level


@dataclass(frozen=True)
class _Decided:
    """The ladder that ships: what it is made of, how it does on tune, what its paths cost, and how often each answers."""

    contents: Contents
    views: Sequence[PathView]
    costs: NDArray[np.float64]

    @property
    def point(self) -> OperatingPoint:
        """The operating point that serves."""
        return self.contents.router.points[self.contents.router.default_point]


def calibrate_router(
    snapshot: Artifact[SnapshotResult],
    compression: Artifact[CompressionResult],
    export: Artifact[ExportResult],
    lexical: Artifact[LexicalResult] | None,
    *,
    name: str,
    recipe: BundledRecipe,
    target: Target,
    attempt: int,
    workspace: Workspace,
) -> RouterResult:
    """Write `bundle/`; return what calibration found.

    `export`: of the fine-tuned model (tokenizer, length and shape). `attempt`: which attempt at a certificate on these certify
    rows it is since the last certified bundle, from 1; later ones get a smaller level. Ladders are
    chosen by the recipe's gate on the bundle's size, where one of them keeps to it.
    """
    config, size_limit_mb = recipe.router, recipe.size_limit_mb
    gathered = gather(snapshot, compression, export, lexical, config, target, workspace)
    sources, oos_id, reference_router = gathered.sources, gathered.out_of_scope_id, gathered.reference_router
    material = sources[0].material
    workspace.progress("rules and chains of all ladders", 0.6)
    reference_views = material.tune.read_reference(reference_router).views
    reference_right = reference_views[0].right
    common = {TOKENIZER_FILE: tokenizer_file(export)}
    reference_graph = compression.folder / compression.result.reference_monolith

    def files_of(ladder: Ladder) -> dict[str, Path]:
        files = {entry.file: path_file(entry, compression, lexical) for entry in ladder.source.entries}
        return common | files | ({REFERENCE_FILE: reference_graph} if ladder.ends_with_reference else {})

    def fits(ladder: Ladder) -> bool:
        rules = (*ladder.rules, *reference_router.rules)
        return size_limit_mb is None or _size_mb(files_of(ladder).values(), rules) <= size_limit_mb

    ladders = candidates(
        sources,
        reference_right,
        oos_id,
        false_rejection=config.out_of_scope_false_rejection,
        promise=Promise(
            config.max_accuracy_loss,
            attempt_level(1 - config.confidence, attempt),
            len(material.certify.ladder.truth),
        ),
        fits=fits,
    )
    workspace.progress("certificate", 0.8)
    found = certified_ladder(
        ladders,
        material.certify.read_reference(reference_router).views[0].right,
        oos_id,
        epsilons=config.operating_points,
        epsilon=config.max_accuracy_loss,
        confidence=config.confidence,
        attempt=attempt,
    )
    if found is not None:
        ladder, certified = found
        last = (REFERENCE_ENTRY,) if ladder.ends_with_reference else ()
        points = {key: point for key, (_, point) in certified.items()}
        router = Router(ladder.rules, points, operating_point_name(config.max_accuracy_loss), oos_id)
        certificates = tuple(certificate for certificate, _ in certified.values())
        entries = (*ladder.source.entries, *last)
        contents = Contents(entries, files_of(ladder), router, reference_router, certificates, recipe)
        decided = _Decided(contents, ladder.tune.views, ladder.costs)
    else:
        rule = replace(reference_router.rules[0], cost_ms=gathered.cost_of_reference_alone())
        files = common | {REFERENCE_FILE: reference_graph}
        contents = _reference_alone(files, rule, oos_id, recipe, len(material.certify.ladder.truth))
        decided = _Decided(contents, reference_views, np.array([rule.cost_ms]))

    workspace.progress("bundle", 0.9)
    bundle = workspace.out / BUNDLE_FOLDER
    manifest = make_manifest(
        name,
        snapshot.result,
        gathered.tokenizer,
        decided.contents.entries,
        file_digest(reference_graph),
    )
    golden = golden_texts([row.text for row in read_rows(snapshot, "tune")], decided.views, decided.point)
    write_bundle(bundle, decided.contents, manifest, golden, target)
    return router_result(
        entries=decided.contents.entries,
        tune=decided.views,
        costs=decided.costs,
        point=decided.point,
        certificates=decided.contents.certificates,
        static_cost_ms=(found[0].source if found else sources[0]).costs.static,
        candidates=[each.record(chosen=found is not None and each is found[0]) for each in ladders],
        bundle=bundle,
        attempt=attempt,
        reference_right=reference_right,
        certify=read_rows(snapshot, "certify"),
        provisional=gathered.watch.doubts(),
    )


def _size_mb(files: Iterable[Path], rules: Iterable[PathRule]) -> float:
    """What a bundle of these takes, but for its few kilobytes of JSON."""
    spaces = [rule.scorer.space for rule in rules if rule.scorer.space is not None]
    return (sum(file.stat().st_size for file in files) + sum(space.nbytes for space in spaces)) / 1e6


def _reference_alone(
    files: dict[str, Path], rule: PathRule, out_of_scope_id: int | None, recipe: BundledRecipe, certify_rows: int
) -> Contents:
    certificate = reference_certificate(
        certify_rows, recipe.router.max_accuracy_loss, recipe.router.confidence, REFERENCE, rule.cost_ms
    )
    return Contents(
        entries=(REFERENCE_ENTRY,),
        files=files,
        router=router_of_reference(rule, out_of_scope_id),
        reference=router_of_reference(rule, out_of_scope_id),
        certificates=(certificate,),
        recipe=recipe,
    )
