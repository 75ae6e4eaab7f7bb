"""Calibrate the router on tune, certify it on certify, and assemble the bundle.

The reference path is the fine-tuned fp32 model with an out-of-scope rule of its own. Which ladder is certified is decided on
tune (tasks.router.ladders), so certify stays fresh. Where the chosen operating point cannot be certified, or there are too
few rows to try, the bundle ships the reference path alone.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import TOKENIZER_FILE, PathEntry
from engine.digests import file_digest, folder_digest
from engine.router import OperatingPoint, PathRule, Router
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.bundling import Contents, golden_texts, make_manifest, write_bundle
from tasks.data.rows import Row, read_rows
from tasks.export import tokenizer_file
from tasks.model_shape import read_shape
from tasks.recipe.schema import RouterConfig
from tasks.recipe.target import Target
from tasks.records import (
    CompressionResult,
    ExportResult,
    LadderCandidate,
    LexicalResult,
    PathResult,
    RouterResult,
    SnapshotResult,
    operating_point_name,
)
from tasks.router.certify import certify_points, reference_certificate
from tasks.router.chain import route
from tasks.router.costs import measure_costs
from tasks.router.ladders import Source, candidates, fallback
from tasks.router.material import collect
from tasks.router.parts import open_path, open_static_model, path_entries, path_file, segment_sets
from tasks.router.rules import fit_rules, fit_spaces
from tasks.router.views import ReadSplit, read_split
from tasks.statistics.fixed_sequence import level_to_spend

REFERENCE: Final = "reference"
REFERENCE_FILE: Final = "reference.onnx"
BUNDLE_FOLDER: Final = "bundle"
FALLBACK_SHARE: Final = 0.1
"""Share of delta kept for the ladder that ends with the reference path, should the first choice not be certified."""


@dataclass(frozen=True)
class _Decided:
    """The ladder that ships: what it is made of, how it does on tune, what its paths cost, and how often each answers."""

    contents: Contents
    tune: ReadSplit
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
    config: RouterConfig,
    target: Target,
    attempt: int,
    workspace: Workspace,
) -> RouterResult:
    """Write `bundle/`; return what calibration found.

    `export`: of the fine-tuned model (tokenizer, length and shape). `attempt`: which attempt at a certificate on these
    certify rows it is, from 1; later attempts get a smaller level.
    """
    data = snapshot.result
    max_length = read_shape(export.folder).max_length
    tokenizer = TextTokenizer(tokenizer_file(export), max_length)
    reference_graph = compression.folder / compression.result.reference_monolith
    reference = open_path(PathEntry(REFERENCE, "encoder", REFERENCE_FILE), reference_graph, target)
    texts = [row.text for row in read_rows(snapshot, "tune")]
    oos_id = data.labels.index(data.out_of_scope_label) if data.out_of_scope_label in data.labels else None
    reference_digest = file_digest(reference_graph)
    static = open_static_model(
        workspace.scratch / "static",
        make_manifest(name, data, max_length, (), reference_digest),
        export,
        compression,
        target,
    )

    sources: list[Source] = []
    for model, folder, segments in segment_sets(compression, export):
        entries = path_entries(folder, segments, lexical)
        paths = tuple(open_path(entry, path_file(entry, compression, lexical), target) for entry in entries)
        known = sources[0].material if sources else None
        material = collect(
            snapshot,
            paths,
            reference,
            tokenizer,
            lambda message, model=model: workspace.progress(f"{model}: {message}", 0.2),  # type: ignore[misc]
            known,
        )
        workspace.progress(f"{model}: costs on the target", 0.4)
        whole = material.with_reference_last()
        spaces = fit_spaces(whole.train.ladder, neighbours_from=len(paths) - 1)
        rules = fit_rules(spaces, whole.tune.ladder, None, oos_id, config.out_of_scope_false_rejection).rules
        costs = measure_costs((*paths, reference), rules, tokenizer, static, texts, oos_id)
        sources.append(Source(model, entries, material, spaces, costs))

    workspace.progress("rules and chains of all ladders", 0.6)
    material = sources[0].material
    # The reference path has an out-of-scope scorer of its own, and no stop score: nothing comes after it.
    (reference_rule,) = fit_rules(
        sources[0].spaces[-1:], material.tune.reference_alone, None, oos_id, config.out_of_scope_false_rejection
    ).rules
    reference_router = _reference_router(reference_rule, oos_id)
    tune_reference = material.tune.read_reference(reference_router)
    reference_right = tune_reference.views[0].right
    delta = level_to_spend(1 - config.confidence, attempt)
    ladders = candidates(
        sources,
        reference_right,
        oos_id,
        false_rejection=config.out_of_scope_false_rejection,
        epsilon=config.max_accuracy_loss,
        delta=delta,
    )
    workspace.progress("certificate", 0.8)
    certify_reference = material.certify.read_reference(reference_router).views[0].right
    chosen = operating_point_name(config.max_accuracy_loss)
    tries = [(ladders[0], delta)]
    if not ladders[0].ends_with_reference:  # two walks may each fail by chance: together they spend delta
        tries = [(ladders[0], delta * (1 - FALLBACK_SHARE)), (fallback(ladders), delta * FALLBACK_SHARE)]
    for ladder, share in tries:
        certified = certify_points(
            {*config.operating_points, config.max_accuracy_loss},
            ladder.chain,
            tune=ladder.tune.views,
            certify=read_split(ladder.answers.certify.ladder, ladder.rules, oos_id).views,
            reference_right=certify_reference,
            cumulative=np.cumsum(ladder.costs),
            names=[rule.name for rule in ladder.rules],
            confidence=config.confidence,
            delta=share,
        )
        if chosen in certified:
            break
    files = {TOKENIZER_FILE: tokenizer_file(export)}
    if chosen in certified:
        last = (PathEntry(REFERENCE, "encoder", REFERENCE_FILE),) if ladder.ends_with_reference else ()
        files |= {entry.file: path_file(entry, compression, lexical) for entry in ladder.source.entries}
        files |= {entry.file: reference_graph for entry in last}
        router = Router(ladder.rules, {key: point for key, (_, point) in certified.items()}, chosen, oos_id)
        certificates = tuple(certificate for certificate, _ in certified.values())
        contents = Contents((*ladder.source.entries, *last), files, router, reference_router, certificates)
        decided = _Decided(contents, ladder.tune, ladder.costs)
    else:
        own_cost = measure_costs((reference,), (reference_rule,), tokenizer, static, texts, oos_id).paths
        rule = replace(reference_rule, cost_ms=float(own_cost[0]))
        files[REFERENCE_FILE] = reference_graph
        contents = _reference_alone(files, rule, oos_id, config, len(material.certify.ladder.truth))
        decided = _Decided(contents, tune_reference, own_cost)

    workspace.progress("bundle", 0.9)
    bundle = workspace.out / BUNDLE_FOLDER
    manifest = make_manifest(name, data, max_length, decided.contents.entries, reference_digest)
    golden = golden_texts(texts, decided.tune.views, decided.point)
    write_bundle(bundle, decided.contents, manifest, golden, target)
    return _result(
        decided,
        ladder.source.costs.static,
        [each.record(chosen=each is ladder and chosen in certified) for each in ladders],
        bundle,
        attempt,
        float(reference_right.mean()),
        read_rows(snapshot, "certify"),
    )


def _reference_router(rule: PathRule, out_of_scope_id: int | None) -> Router:
    """The reference path as a ladder of one path."""
    return Router((rule,), {REFERENCE: OperatingPoint(REFERENCE, 0.0, ())}, REFERENCE, out_of_scope_id)


def _reference_alone(
    files: dict[str, Path], rule: PathRule, out_of_scope_id: int | None, config: RouterConfig, certify_rows: int
) -> Contents:
    certificate = reference_certificate(
        certify_rows, config.max_accuracy_loss, config.confidence, REFERENCE, rule.cost_ms
    )
    return Contents(
        entries=(PathEntry(REFERENCE, "encoder", REFERENCE_FILE),),
        files=files,
        router=_reference_router(rule, out_of_scope_id),
        reference=_reference_router(rule, out_of_scope_id),
        certificates=(certificate,),
    )


def _result(
    decided: _Decided,
    static_cost_ms: float,
    compared: Sequence[LadderCandidate],
    bundle: Path,
    attempt: int,
    reference_accuracy: float,
    certify: Sequence[Row],
) -> RouterResult:
    cumulative = np.cumsum(decided.costs)
    routed = route(decided.tune.views, decided.point.thresholds)
    right = np.stack([view.right for view in decided.tune.views])
    cheapest_right = np.where(right.any(axis=0), right.argmax(axis=0), 0)
    rows = zip(
        decided.contents.entries,
        decided.costs,
        cumulative,
        decided.tune.views,
        routed.shares(len(cumulative)),
        strict=True,
    )
    return RouterResult(
        paths=tuple(
            PathResult(
                name=entry.name,
                kind=entry.kind,
                cost_ms=float(own),
                cumulative_ms=float(total),
                tune_accuracy=float(view.right.mean()),
                stop_share=float(share),
            )
            for entry, own, total, view, share in rows
        ),
        certificates=decided.contents.certificates,
        operating_point=decided.point.name,
        reference_accuracy=reference_accuracy,
        expected_cost_ms=routed.expected_cost(cumulative),
        static_cost_ms=static_cost_ms,
        oracle_cost_ms=float(cumulative[cheapest_right].mean()),
        random_cost_ms=float(cumulative.mean()),
        candidates=tuple(compared),
        certify_digest=_rows_digest(certify),
        attempt=attempt,
        bundle_digest=folder_digest(bundle),
        size_mb=sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file()) / 1e6,
    )


def _rows_digest(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.text, row.label], ensure_ascii=False).encode())
    return digest.hexdigest()
