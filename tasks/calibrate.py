"""Calibrate the router on tune, certify it on certify, and assemble the bundle.

The reference path is the fine-tuned fp32 model with an out-of-scope rule of its own. It follows the compressed last path where
that one loses too much on tune (decided there, so certify stays fresh). Where the chosen operating point cannot
be certified, or there are too few rows to try, the bundle ships the reference path alone.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import TOKENIZER_FILE, PathEntry, write_manifest
from engine.digests import folder_digest
from engine.ladder import EncoderPath, LexicalPath
from engine.ladder import Path as LadderPath
from engine.lexical import LexicalModel
from engine.router import OperatingPoint, PathRule, Router, save_router
from engine.session import open_session
from engine.static_model import StaticModel
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.bundling import Contents, golden_texts, make_manifest, write_bundle
from tasks.data.rows import Row, read_rows
from tasks.export import tokenizer_file
from tasks.lexical import LEXICAL_FILE
from tasks.model_shape import read_shape
from tasks.recipe.schema import RouterConfig
from tasks.recipe.target import Target
from tasks.records import (
    Certificate,
    CompressionResult,
    ExportResult,
    LexicalResult,
    PathResult,
    RouterResult,
    SnapshotResult,
    operating_point_name,
)
from tasks.router.certify import certify_chain, reference_certificate
from tasks.router.chain import build_chain, route
from tasks.router.costs import Costs, measure_costs
from tasks.router.material import Answered, collect
from tasks.router.rules import fit_reference_rule, fit_rules
from tasks.router.views import ReadSplit, read_split
from tasks.statistics.fixed_sequence import attempt_level
from tasks.statistics.paired_test import rows_needed

REFERENCE: Final = "reference"
REFERENCE_FILE: Final = "reference.onnx"
BUNDLE_FOLDER: Final = "bundle"
LAST_PATH_SHARE: Final = 0.25
"""Share of epsilon that the compressed last path may lose on tune; above it, the reference path follows as the last."""
REFERENCE_RULE_FOLDER: Final = "reference-rule"


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
    """Write `bundle/`, and the reference path's own rule beside it; return what calibration found.

    `export`: of the fine-tuned model (tokenizer and length). `attempt`: which attempt at a certificate on these certify
    rows it is, from 1; later attempts get a smaller level.
    """
    data = snapshot.result
    max_length = read_shape(export.folder).max_length
    tokenizer = TextTokenizer(tokenizer_file(export), max_length)
    entries = _entries(compression, lexical)
    files = _files(entries, export, compression, lexical)
    ladder = tuple(_opened(entry, files[entry.file], target) for entry in entries)
    reference_graph = compression.folder / compression.result.reference_monolith
    reference_entry = PathEntry(REFERENCE, "encoder", REFERENCE_FILE)
    reference = _opened(reference_entry, reference_graph, target)
    material = collect(snapshot, ladder, reference, tokenizer, workspace)
    texts = [row.text for row in read_rows(snapshot, "tune")]

    workspace.progress("out-of-scope scores and stop scores", 0.6)
    oos_id = data.labels.index(data.out_of_scope_label) if data.out_of_scope_label in data.labels else None
    reference_rule = fit_reference_rule(material.train, material.tune, config.out_of_scope_false_rejection)
    tune_reference = _reference_view(material.tune, reference_rule, oos_id)
    reference_right = tune_reference.views[0].right
    rules = fit_rules(
        material.train.ladder, material.tune.ladder, reference_right, oos_id, config.out_of_scope_false_rejection
    )

    last = read_split(material.tune.ladder, rules, oos_id).views[-1]
    if reference_right.mean() - last.right.mean() > LAST_PATH_SHARE * config.max_accuracy_loss:
        entries, ladder, rules = (*entries, reference_entry), (*ladder, reference), [*rules, reference_rule]
        files[REFERENCE_FILE] = reference_graph
        material = material.with_reference_last()

    workspace.progress("costs on the target", 0.7)
    static = _static_model(workspace.scratch / "static", name, data, max_length, files, compression, target)
    costs = measure_costs(ladder, rules, tokenizer, static, texts, oos_id)
    rules = [replace(rule, cost_ms=float(cost)) for rule, cost in zip(rules, np.cumsum(costs.paths), strict=True)]

    workspace.progress("chain and certificate", 0.8)
    tune = read_split(material.tune.ladder, rules, oos_id)
    certified = _certify(
        config,
        attempt,
        rules=rules,
        costs=costs,
        tune=tune,
        tune_reference=reference_right,
        certify=read_split(material.certify.ladder, rules, oos_id),
        certify_reference=_reference_view(material.certify, reference_rule, oos_id).views[0].right,
    )
    chosen = operating_point_name(config.max_accuracy_loss)
    if chosen in certified:
        router = Router(tuple(rules), {key: point for key, (_, point) in certified.items()}, chosen, oos_id)
        certificates = tuple(certificate for certificate, _ in certified.values())
        decided = _Decided(Contents(entries, files, router, certificates), tune, costs.paths)
    else:
        own_cost = measure_costs((reference,), (reference_rule,), tokenizer, static, texts, oos_id).paths
        rule = replace(reference_rule, cost_ms=float(own_cost[0]))
        files = {TOKENIZER_FILE: files[TOKENIZER_FILE], REFERENCE_FILE: reference_graph}
        contents = _reference_alone(files, rule, oos_id, config, len(material.certify.ladder.truth))
        decided = _Decided(contents, tune_reference, own_cost)

    workspace.progress("bundle", 0.9)
    bundle = workspace.out / BUNDLE_FOLDER
    manifest = make_manifest(name, data, max_length, decided.contents.entries)
    golden = golden_texts(texts, decided.tune.views, decided.point)
    write_bundle(bundle, decided.contents, manifest, golden, target)
    point = OperatingPoint(REFERENCE, 0.0, ())
    (workspace.out / REFERENCE_RULE_FOLDER).mkdir()
    save_router(Router((reference_rule,), {REFERENCE: point}, REFERENCE, oos_id), workspace.out / REFERENCE_RULE_FOLDER)
    return _result(decided, costs, bundle, attempt, float(reference_right.mean()), read_rows(snapshot, "certify"))


def _certify(
    config: RouterConfig,
    attempt: int,
    *,
    rules: Sequence[PathRule],
    costs: Costs,
    tune: ReadSplit,
    tune_reference: NDArray[np.bool_],
    certify: ReadSplit,
    certify_reference: NDArray[np.bool_],
) -> dict[str, tuple[Certificate, OperatingPoint]]:
    """Every operating point that could be certified, by name; each has its own walk along the same chain."""
    settings = build_chain(tune.views, tune_reference, costs.paths)
    # A first attempt may spend all of delta; a retry on rows that a failed attempt has seen spends its share of a series.
    delta = 1 - config.confidence if attempt == 1 else attempt_level(1 - config.confidence, attempt)
    certified = {}
    for epsilon in sorted({*config.operating_points, config.max_accuracy_loss}):
        if len(certify_reference) < rows_needed(epsilon, delta):
            continue
        certificate, thresholds = certify_chain(
            settings,
            tune=tune.views,
            certify=certify.views,
            reference_right=certify_reference,
            cumulative=np.cumsum(costs.paths),
            names=[rule.name for rule in rules],
            epsilon=epsilon,
            confidence=config.confidence,
            delta=delta,
        )
        if certificate.certified:
            point = OperatingPoint(operating_point_name(epsilon), epsilon, thresholds)
            certified[point.name] = (certificate, point)
    return certified


def _reference_view(answered: Answered, rule: PathRule, out_of_scope_id: int | None) -> ReadSplit:
    return read_split(answered.reference_alone, (rule,), out_of_scope_id)


def _entries(
    compression: Artifact[CompressionResult], lexical: Artifact[LexicalResult] | None
) -> tuple[PathEntry, ...]:
    first = (PathEntry("lexical", "lexical", LEXICAL_FILE),) if lexical else ()
    names = read_shape(compression.folder).exit_names
    pairs = zip(names, compression.result.segments, strict=True)
    return (*first, *(PathEntry(name, "encoder", file) for name, file in pairs))


def _files(
    entries: Sequence[PathEntry],
    export: Artifact[ExportResult],
    compression: Artifact[CompressionResult],
    lexical: Artifact[LexicalResult] | None,
) -> dict[str, Path]:
    folders = {"encoder": compression.folder, **({"lexical": lexical.folder} if lexical else {})}
    return {TOKENIZER_FILE: tokenizer_file(export), **{e.file: folders[e.kind] / e.file for e in entries}}


def _opened(entry: PathEntry, file: Path, target: Target) -> LadderPath:
    if entry.kind == "lexical":
        return LexicalPath(entry.name, LexicalModel.load(file))
    session = open_session(file, threads=target.threads, execution_provider=target.execution_provider)
    return EncoderPath(entry.name, session)


def _static_model(
    folder: Path,
    name: str,
    data: SnapshotResult,
    max_length: int,
    files: dict[str, Path],
    compression: Artifact[CompressionResult],
    target: Target,
) -> StaticModel:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(files[TOKENIZER_FILE], folder / TOKENIZER_FILE)
    write_manifest(folder, make_manifest(name, data, max_length, ()))
    graph = compression.folder / compression.result.static_monolith
    return StaticModel.load(graph, folder, threads=target.threads, execution_provider=target.execution_provider)


def _reference_alone(
    files: dict[str, Path], rule: PathRule, out_of_scope_id: int | None, config: RouterConfig, certify_rows: int
) -> Contents:
    point = OperatingPoint(REFERENCE, 0.0, ())
    certificate = reference_certificate(
        certify_rows, config.max_accuracy_loss, config.confidence, REFERENCE, rule.cost_ms
    )
    return Contents(
        entries=(PathEntry(REFERENCE, "encoder", REFERENCE_FILE),),
        files=files,
        router=Router((rule,), {REFERENCE: point}, REFERENCE, out_of_scope_id),
        certificates=(certificate,),
    )


def _result(
    decided: _Decided, costs: Costs, bundle: Path, attempt: int, reference_accuracy: float, certify: Sequence[Row]
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
        static_cost_ms=costs.static,
        oracle_cost_ms=float(cumulative[cheapest_right].mean()),
        random_cost_ms=float(cumulative.mean()),
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
