"""The router over both paths: when the quick one is sure enough, certified on the certify rows."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path as Folder

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engine import strict_json
from engine.bundle import (
    CERTIFICATE_FILE,
    FORMAT,
    GOLDEN_FILE,
    REFERENCE_FOLDER,
    TOKENIZER_FILE,
    Manifest,
    PathEntry,
    write_manifest,
)
from engine.classification.ladder import EncoderPath, Path
from engine.classification.model import run_ladder
from engine.classification.out_of_scope import OutOfScopeScorer
from engine.classification.router import PathRule, Router
from engine.classification.router_files import save_router
from engine.digests import file_digest
from engine.operating_points import OperatingPoint
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.bundles.golden import golden_texts
from tasks.bundles.loading import load_bundle
from tasks.bundles.place import BUNDLE_FOLDER
from tasks.certification.certify import Subject, certify_points
from tasks.certification.chain import PathView, build_chain
from tasks.certification.planning import ChainOnTune
from tasks.certification.result import router_result
from tasks.certification.stop_score import LOG_ODDS
from tasks.data.rows import Row, read_rows
from tasks.errors import UserError
from tasks.recipe import Target
from tasks.recipe.bundled import BundledRecipe
from tasks.records import CompressionResult, RouterResult, SnapshotResult, operating_point_name
from tasks.statistics.attempts import attempt_level

from .graphs import FULL, QUICK, REFERENCE, graph_file
from .records import CountedWords

MAX_LENGTH = 64
NAMES = (QUICK, FULL)
COSTS_MS = np.array([0.01, 0.04])
"""Of each path by itself: counted, since graphs of this size are too small for a clock."""
NOBODY_IS_OUTSIDE = OutOfScopeScorer(energy_quantiles=(-1e6, 1e6), threshold=1.0)


def calibrate(
    snapshot: Artifact[SnapshotResult],
    counted: Artifact[CountedWords],
    graphs: Artifact[CompressionResult],
    *,
    name: str,
    recipe: BundledRecipe,
    target: Target,
    attempt: int,
    workspace: Workspace,
) -> RouterResult:
    """Writes `bundle/`. Raises UserError where the promise cannot be certified."""
    topics, promise = snapshot.result.labels, recipe.router
    tokenizer = TextTokenizer(counted.folder / TOKENIZER_FILE, MAX_LENGTH)
    sessions = {path: open_session(graph_file(graphs.folder, path), threads=target.threads) for path in NAMES}
    ladder = tuple(EncoderPath(path, session) for path, session in sessions.items())
    cumulative = np.cumsum(COSTS_MS)
    rules = tuple(
        PathRule(path, float(cost), NOBODY_IS_OUTSIDE, tuple(LOG_ODDS.tolist()), 0.0)
        for path, cost in zip(NAMES, cumulative, strict=True)
    )
    rows = {split: read_rows(snapshot, split) for split in ("tune", "certify")}
    tune, certify = (answered(ladder, rules, tokenizer, rows[split], topics)[0] for split in ("tune", "certify"))
    chain = ChainOnTune(build_chain(tune, tune[-1].right, COSTS_MS), tune, tune[-1].right, cumulative, True)
    subject = Subject(chain, certify, certify[-1].right, NAMES, float(cumulative[-1]), attempt=attempt)
    delta = attempt_level(1 - promise.confidence, attempt)
    epsilons = {*promise.operating_points, promise.max_accuracy_loss}
    certified = certify_points(subject, epsilons, confidence=promise.confidence, delta=delta)
    default = operating_point_name(promise.max_accuracy_loss)
    if default not in certified:
        raise UserError("these rows cannot prove the promise", field="router.max_accuracy_loss")
    router = Router(rules, {key: point for key, (_, point) in certified.items()}, default, None)
    certificates = tuple(certificate for certificate, _ in certified.values())
    bundle, point = workspace.out / BUNDLE_FOLDER, router.points[default]
    files = {TOKENIZER_FILE: counted.folder / TOKENIZER_FILE}
    files |= {f"{path}.onnx": graph_file(graphs.folder, path) for path in NAMES}
    bundle.mkdir()
    for file, source in files.items():
        shutil.copyfile(source, bundle / file)
    save_router(router, bundle)
    (bundle / REFERENCE_FOLDER).mkdir()
    save_router(
        Router(rules[-1:], {default: OperatingPoint(default, 0.0, ())}, default, None), bundle / REFERENCE_FOLDER
    )
    strict_json.write(bundle / CERTIFICATE_FILE, [entry.model_dump() for entry in certificates])
    recipe.save(bundle)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        labels=topics,
        out_of_scope_label=None,
        max_length=MAX_LENGTH,
        paths=tuple(PathEntry(path, "encoder", f"{path}.onnx", batches=True) for path in NAMES),
        runtime={"onnxruntime": onnxruntime.__version__},
        reference_digest=file_digest(graph_file(graphs.folder, REFERENCE)),
        files={},
        task="keywords",
        answered_as="text-classification",
    )
    write_golden(bundle, manifest, golden_texts([row.text for row in rows["tune"]], tune, point), target)
    return router_result(
        entries=manifest.paths,
        tune=tune,
        costs=COSTS_MS,
        point=point,
        certificates=certificates,
        static_cost_ms=float(COSTS_MS[-1]),
        candidates=(),
        bundle=bundle,
        attempt=attempt,
        reference_right=tune[-1].right,
        certify=rows["certify"],
        provisional=(),
    )


def answered(
    ladder: Sequence[Path],
    rules: Sequence[PathRule],
    tokenizer: TextTokenizer,
    rows: Sequence[Row],
    topics: Sequence[str],
) -> tuple[list[PathView], NDArray[np.str_]]:
    """What the router sees of each path on the rows, and (paths, rows) the topics that they name."""
    score, may_stop = np.empty((len(rules), len(rows))), np.empty((len(rules), len(rows)), np.bool_)
    named = np.empty((len(rules), len(rows)), np.int64)
    for number, row in enumerate(rows):
        ids = tokenizer.encode(row.text)
        answers, novelty = run_ladder(ladder, ids)
        reading = None
        for path, (rule, (logits, embedding)) in enumerate(zip(rules, answers, strict=True)):
            reading = rule.read(logits, embedding, reading, tokens=len(ids), novelty=novelty, out_of_scope_id=None)
            score[path, number], may_stop[path, number] = reading.stop_score, reading.may_stop
            named[path, number] = reading.label
    said = np.array(topics)[named]
    right = said == np.array([row.label for row in rows])
    return [PathView(score[path], may_stop[path], right[path]) for path in range(len(rules))], said


def write_golden(bundle: Folder, manifest: Manifest, texts: Sequence[str], target: Target) -> None:
    """The manifest, the bundle's own answers to the golden texts, and the manifest of them all."""
    write_manifest(bundle, manifest)
    model = load_bundle(bundle, target, replay_golden=False)
    answers = zip(texts, model.predict(texts), strict=True)
    golden = [
        {"text": text, "operating_point": model.operating_point, "answer": asdict(answer)} for text, answer in answers
    ]
    strict_json.write(bundle / GOLDEN_FILE, golden)
    write_manifest(bundle, manifest)
    load_bundle(bundle, target)
