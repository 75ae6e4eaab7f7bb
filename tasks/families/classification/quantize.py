"""Choose what serves: fuse, quantize and prune each earn their place on tune and on the target, or are dropped.

What that takes is said in tasks.techniques. The graphs that are kept are copied on.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.tokenization import Ids, TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.encoder.shape import SHAPE_FILE, read_shape
from tasks.families.classification.files import (
    FINE_TUNED,
    PRUNED,
    REFERENCE_MONOLITH,
    STATIC_MONOLITH,
    UNFUSED,
    tokenizer_file,
    unfused_name,
)
from tasks.families.classification.recipe import QuantizeConfig
from tasks.families.classification.records import ExportResult
from tasks.graphs.parity import compare, logits_of
from tasks.graphs.quantizing import STATIC, Feeds, calibration_rows, quantize_graph
from tasks.graphs.session import MonolithRunner
from tasks.recipe.target import Target
from tasks.records import CompressionResult, GraphParity, SnapshotResult, Technique
from tasks.techniques import Limits, Measured, judge, preferred
from tasks.timing.speed import IS_FASTER, IS_NOT_SLOWER, Question, Speed, compare_speed
from tasks.timing.stopwatch import Budget, Stopwatch, Timed

FP32: Final = "fp32"
PARENT_PREFIX: Final = "parent-"
TIMED_ROWS: Final = 32


@dataclass(frozen=True)
class Candidate:
    """One monolith on trial: its graph and its logits on tune (rows, labels)."""

    name: str
    graph: Path
    run: MonolithRunner
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """What all comparisons share: the tune rows and how sure a decision has to be."""

    ids: Sequence[Ids]
    truth: NDArray[np.int64]
    confidence: float
    target: Target
    watch: Stopwatch

    def candidate(self, name: str, graph: Path) -> Candidate:
        """Open a graph and answer all tune rows with it."""
        run = MonolithRunner(graph, self.target)
        return Candidate(name, graph, run, logits_of(run, self.ids))

    def judge(self, name: str, own: Candidate, parent: Candidate, budget: float) -> Technique:
        """Measure a candidate against its parent and decide."""
        return self._judged(name, own, parent, budget, self._speed(own, parent, IS_FASTER))

    def judge_fusion(self, own: Candidate, parent: Candidate, budget: float) -> Technique:
        """Fusion computes the same function and is what int8 attention kernels need: it stays unless it is measured slower."""
        speed = self._speed(own, parent, IS_NOT_SLOWER)
        found = self._judged("fuse", own, parent, budget, speed)
        if (found.kept and speed.faster) or speed.answer is False or not (found.stays or found.agreement == 1):
            return found
        same = "the same answers" if found.agreement == 1 else f"{found.agreement:.1%} of the answers the same"
        reason = f"kept: {same}, not measured slower ({speed.times}), and int8 kernels build on it"
        return found.model_copy(update={"kept": True, "undecided": False, "reason": reason})

    def _speed(self, own: Candidate, parent: Candidate, question: Question) -> Speed:
        step = max(1, len(self.ids) // TIMED_ROWS)
        rows = self.ids[::step][:TIMED_ROWS]

        def compared(timed: Timed) -> Speed:
            blocks = timed.blocks("parent"), timed.blocks("own")
            return compare_speed(*blocks, disturbed=timed.disturbed, question=question)

        what = f"the times of {own.name} and {parent.name}"
        runs = {"own": own.run, "parent": parent.run}
        return compared(
            self.watch.interleaved(what, runs, rows, Budget(), lambda timed: compared(timed).answer is not None)
        )

    def _judged(self, name: str, own: Candidate, parent: Candidate, budget: float, speed: Speed) -> Technique:
        parity = compare(own.name, parent.name, own.logits, parent.logits)
        return judge(
            name,
            self._measured(own),
            self._measured(parent),
            speed,
            parity=parity.max_abs_difference,
            agreement=parity.agreement,
            limits=Limits(budget, self.confidence),
        )

    def _measured(self, candidate: Candidate) -> Measured:
        return Measured(
            name=candidate.name,
            right=candidate.logits.argmax(-1) == self.truth,
            size_mb=candidate.graph.stat().st_size / 1e6,
        )


def select_compression(
    snapshot: Artifact[SnapshotResult],
    exports: Mapping[str, Artifact[ExportResult]],
    *,
    config: QuantizeConfig,
    prune_budget: float,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> CompressionResult:
    """Try every technique on the fine-tuned monolith, then pruning on top of the best; `exports`: fine-tuned, pruned."""
    parent = exports[FINE_TUNED]
    tokenizer = TextTokenizer(tokenizer_file(parent), read_shape(parent.folder).max_length)
    tune = examples(snapshot, "tune", tokenizer)
    trial = Trial(
        ids=[row["input_ids"] for row in tune],
        truth=np.array([row["labels"] for row in tune]),
        confidence=confidence,
        target=target,
        watch=Stopwatch.of(target, workspace.progress),
    )
    maker = _Quantizer(snapshot, tokenizer, config, target, workspace)
    workspace.progress("fused against unfused", 0.0)
    unfused = trial.candidate("fp32-unfused", parent.folder / UNFUSED)
    reference = trial.candidate(FP32, parent.folder / parent.result.monolith)
    techniques = [trial.judge_fusion(reference, unfused, config.max_accuracy_loss)]
    fused = techniques[0].kept
    maker.graph_name = str if fused else unfused_name
    reference = reference if fused else replace(unfused, name=FP32)

    tried = {FP32: reference}
    for number, technique in enumerate(config.techniques, start=1):
        workspace.progress(f"{technique} against fp32", number / (len(config.techniques) + 2))
        tried[technique] = trial.candidate(technique, maker.monolith(parent, technique))
        techniques.append(trial.judge(technique, tried[technique], reference, config.max_accuracy_loss))
    best = preferred(techniques[1:])
    precision = best.name if best else FP32
    chosen = tried[precision]

    model = FINE_TUNED
    if PRUNED in exports:
        workspace.progress(f"pruned against fine-tuned, both {precision}", 0.8)
        pruned = exports[PRUNED]
        graph = maker.monolith(pruned, precision)
        candidate = trial.candidate(f"pruned-{precision}", graph)
        techniques.append(trial.judge("prune", candidate, chosen, prune_budget))
        # Undecided, it goes on: the router weighs it by what its paths cost, beside the segments of the fine-tuned one.
        if techniques[-1].stays:
            model = PRUNED

    workspace.progress("segments of what was chosen", 0.9)
    shutil.copyfile(reference.graph, workspace.out / REFERENCE_MONOLITH)
    shutil.copyfile(chosen.graph, workspace.out / STATIC_MONOLITH)
    shutil.copyfile(exports[model].folder / SHAPE_FILE, workspace.out / SHAPE_FILE)
    segments, parity = maker.segments(exports[model], precision, trial)
    parent_segments: tuple[str, ...] = ()
    if model == PRUNED:
        parent_segments, _ = maker.segments(parent, precision, trial, prefix=PARENT_PREFIX)
    return CompressionResult(
        model=model,
        precision=precision,
        techniques=tuple(techniques),
        parity=parity,
        segments=segments,
        parent_segments=parent_segments,
        static_monolith=STATIC_MONOLITH,
        static_precision=precision,
        reference_monolith=REFERENCE_MONOLITH,
        provisional=trial.watch.doubts(techniques),
    )


class _Quantizer:
    """Makes int8 forms of exported graphs, fused or not as `graph_name` says; the calibration rows come from train."""

    def __init__(
        self,
        snapshot: Artifact[SnapshotResult],
        tokenizer: TextTokenizer,
        config: QuantizeConfig,
        target: Target,
        workspace: Workspace,
    ) -> None:
        self.workspace = workspace
        self.target = target
        self.graph_name: Callable[[str], str] = str
        self.rows: list[Ids] = []
        if STATIC in config.techniques:
            train = read_rows(snapshot, "train")
            self.rows = tokenizer.encode_batch([row.text for row in calibration_rows(train, config.calibration_rows)])

    def monolith(self, export: Artifact[ExportResult], technique: str) -> Path:
        """The monolith of an exported model at a precision; int8 ones lie in scratch."""
        if technique == FP32:
            return export.folder / self.graph_name(export.result.monolith)
        quantized = self.workspace.scratch / f"{export.digest[:12]}-{technique}.onnx"
        self._quantize(export, export.result.monolith, quantized, technique, [_first_feed(ids) for ids in self.rows])
        return quantized

    def segments(
        self, export: Artifact[ExportResult], precision: str, trial: Trial, prefix: str = ""
    ) -> tuple[tuple[str, ...], tuple[GraphParity, ...]]:
        """Write the segments at `precision` into the artifact; parity of each exit against fp32 on tune rows."""
        from tasks.graphs.session import ChainRunner

        feeds = [_first_feed(ids) for ids in self.rows]
        for name in export.result.segments:
            source, written = export.folder / self.graph_name(name), self.workspace.out / f"{prefix}{name}"
            if precision == FP32:
                shutil.copyfile(source, written)
            else:
                self._quantize(export, name, written, precision, feeds)
                feeds = _next_feeds(source, feeds, self.target)
        sample = trial.ids[:64]
        names = tuple(f"{prefix}{name}" for name in export.result.segments)
        own = ChainRunner([self.workspace.out / name for name in names], self.target)
        fp32 = ChainRunner([export.folder / name for name in export.result.segments], self.target)
        own_exits = np.stack([np.stack(own.all_exits(ids)) for ids in sample])
        fp32_exits = np.stack([np.stack(fp32.all_exits(ids)) for ids in sample])
        parity = tuple(
            compare(f"{name} {precision}", f"{name} fp32", own_exits[:, index], fp32_exits[:, index])
            for index, name in enumerate(export.result.segments)
        )
        return names, parity

    def _quantize(
        self, export: Artifact[ExportResult], graph: str, written: Path, technique: str, feeds: Sequence[Feeds]
    ) -> None:
        quantize_graph(
            export.folder / self.graph_name(graph),
            written,
            technique=technique,
            model_folder=export.folder,
            calibration=feeds,
            scratch=self.workspace.scratch,
        )


def _first_feed(ids: Ids) -> Feeds:
    return {"input_ids": ids[None, :], "attention_mask": np.ones((1, len(ids)), dtype=np.int64)}


def _next_feeds(graph: Path, feeds: Sequence[Feeds], target: Target) -> list[Feeds]:
    """What the next segment sees of the calibration rows: the hidden states that the fp32 segment gives."""
    from engine.session import open_session

    session = open_session(graph, threads=target.threads, execution_provider=target.execution_provider)
    outputs = [output.name for output in session.get_outputs()]
    if "hidden" not in outputs:
        return []
    run: Callable[..., list[Any]] = session.run
    return [{"hidden_in": run(["hidden"], dict(feed))[0], "attention_mask": feed["attention_mask"]} for feed in feeds]
