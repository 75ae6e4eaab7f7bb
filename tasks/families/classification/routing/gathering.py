"""All that calibration decides on: every model whose segments may serve, its answers, its spaces, and its measured costs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.bundle import PathEntry
from engine.classification.ladder import Path as LadderPath
from engine.classification.out_of_scope import EmbeddingSpace
from engine.classification.router import PathRule, Router
from engine.classification.static_model import StaticModel
from engine.digests import file_digest
from engine.operating_points import OperatingPoint
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.families.classification.bundling import make_manifest
from tasks.families.classification.encoder.shape import read_shape, vocabulary_size
from tasks.families.classification.files import tokenizer_file
from tasks.families.classification.records import ExportResult, LexicalResult
from tasks.families.classification.routing.costs import TimedLadder, measure_costs
from tasks.families.classification.routing.ladders import Source
from tasks.families.classification.routing.material import Answered, Material, collect
from tasks.families.classification.routing.parts import (
    open_path,
    open_static_model,
    path_entries,
    path_file,
    segment_sets,
)
from tasks.families.classification.routing.rules import fit_rules, fit_spaces
from tasks.recipe.schema import RouterConfig
from tasks.recipe.target import Target
from tasks.records import CompressionResult, SnapshotResult
from tasks.timing.stopwatch import Stopwatch

REFERENCE: Final = "reference"
REFERENCE_FILE: Final = "reference.onnx"
REFERENCE_ENTRY: Final = PathEntry(REFERENCE, "encoder", REFERENCE_FILE, batches=True)


@dataclass(frozen=True)
class Gathered:
    """`paths`: one ladder per source, opened; `reference_router` reads the reference path alone, its cost still 0.

    `watch`: what all was timed with.
    """

    sources: tuple[Source, ...]
    paths: tuple[tuple[LadderPath, ...], ...]
    reference: LadderPath
    reference_router: Router
    out_of_scope_id: int | None
    tokenizer: TextTokenizer
    static: StaticModel
    texts: tuple[str, ...]
    watch: Stopwatch

    def cost_of_reference_alone(self) -> float:
        """Milliseconds per row where the reference path is the whole ladder."""
        alone = TimedLadder((self.reference,), self.reference_router.rules)
        (costs,) = measure_costs(
            [alone],
            self.tokenizer,
            self.static,
            self.texts,
            self.out_of_scope_id,
            watch=self.watch,
            what="the cost of the reference path",
        )
        return float(costs.paths[0])


def gather(
    snapshot: Artifact[SnapshotResult],
    compression: Artifact[CompressionResult],
    export: Artifact[ExportResult],
    lexical: Artifact[LexicalResult] | None,
    config: RouterConfig,
    target: Target,
    workspace: Workspace,
) -> Gathered:
    """Answer train, tune and certify with every path, and time them. `export`: of the fine-tuned model."""
    data = snapshot.result
    max_length, embeddings = read_shape(export.folder).max_length, vocabulary_size(export.folder)
    tokenizer = TextTokenizer(tokenizer_file(export), max_length, embeddings)
    reference_graph = compression.folder / compression.result.reference_monolith
    reference = open_path(REFERENCE_ENTRY, reference_graph, target)
    texts = tuple(row.text for row in read_rows(snapshot, "tune"))
    oos_id = data.labels.index(data.out_of_scope_label) if data.out_of_scope_label in data.labels else None
    manifest = make_manifest("static", data, tokenizer, (), file_digest(reference_graph))
    static = open_static_model(workspace.scratch / "static", manifest, export, compression, target)
    false_rejection = config.out_of_scope_false_rejection

    made: list[tuple[str, tuple[PathEntry, ...], Material, list[EmbeddingSpace | None]]] = []
    timed: list[TimedLadder] = []
    for model, folder, segments in segment_sets(compression, export):
        entries = path_entries(folder, segments, compression.result.precision, lexical)
        paths = tuple(open_path(entry, path_file(entry, compression, lexical), target) for entry in entries)
        material = collect(
            snapshot,
            paths,
            reference,
            tokenizer,
            lambda message, model=model: workspace.progress(f"{model}: {message}", 0.2),  # type: ignore[misc]
            made[0][2] if made else None,
        )
        whole = material.with_reference_last()
        spaces = fit_spaces(whole.train.ladder, neighbours_from=len(paths) - 1)
        unlike = [
            path.name
            for path, space in zip(whole.train.ladder.paths, spaces, strict=True)
            if path.embeddings is not None and space is None
        ]
        if unlike:
            workspace.remark(
                f"the embeddings of {', '.join(unlike)} are the same for all labels, so that the out-of-scope score "
                "there is that of the energy alone"
            )
        rules = fit_rules(spaces, whole.tune.ladder, None, oos_id, false_rejection).rules(np.zeros(len(spaces)))
        made.append((model, entries, material, spaces))
        timed.append(TimedLadder((*paths, reference), rules))

    # In the same blocks, so that what is compared was measured side by side.
    workspace.progress("costs on the target", 0.5)
    watch = Stopwatch.of(target, workspace.progress)
    costs = measure_costs(timed, tokenizer, static, texts, oos_id, watch=watch, what="the costs of the paths")
    sources = tuple(Source(*each, own) for each, own in zip(made, costs, strict=True))
    return Gathered(
        sources=sources,
        paths=tuple(tuple(ladder.paths[:-1]) for ladder in timed),
        reference=reference,
        reference_router=fit_reference(sources[0], sources[0].material.tune, oos_id, false_rejection),
        out_of_scope_id=oos_id,
        tokenizer=tokenizer,
        static=static,
        texts=texts,
        watch=watch,
    )


def fit_reference(source: Source, tune: Answered, out_of_scope_id: int | None, false_rejection: float) -> Router:
    """The reference path by itself: it has an out-of-scope scorer of its own, and no stop score, since nothing follows it."""
    fitted = fit_rules(source.spaces[-1:], tune.reference_alone, None, out_of_scope_id, false_rejection)
    return router_of_reference(fitted.rules(np.zeros(1))[0], out_of_scope_id)


def router_of_reference(rule: PathRule, out_of_scope_id: int | None) -> Router:
    """The reference path as a ladder of one path."""
    return Router((rule,), {REFERENCE: OperatingPoint(REFERENCE, 0.0, ())}, REFERENCE, out_of_scope_id)
