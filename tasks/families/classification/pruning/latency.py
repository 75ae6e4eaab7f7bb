"""How long one encoder layer takes on the target, by the width of its FFN: measured, not counted in FLOPs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.files import tokenizer_file
from tasks.families.classification.records import FineTuneResult, LatencyTable
from tasks.graphs.quantizing import DYNAMIC, quantize_graph
from tasks.recipe.target import Target
from tasks.records import SnapshotResult
from tasks.timing.stopwatch import Budget, Stopwatch

if TYPE_CHECKING:
    from tasks.families.classification.encoder.multi_exit import MultiExitClassifier

BLOCKS: Final = Budget(fewest=15, most=15)
"""Of which the median is taken: no more than seven may be disturbed."""
TABLE: Final = "the latency table"
CALLS: Final = 40
EIGHTHS: Final = (8, 6, 5, 4, 3, 2)


def measure_layers(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[FineTuneResult],
    *,
    quantized: bool,
    target: Target,
    workspace: Workspace,
) -> LatencyTable:
    """The step: the table of the fine-tuned model's layers, at the median length of a tune row; `quantized`: of int8 layers."""
    from tasks.families.classification.encoder.multi_exit import load_model

    model = load_model(fine_tuned.folder)
    tokenizer = TextTokenizer(tokenizer_file(fine_tuned), model.shape.max_length)
    tokens = int(np.median([len(row["input_ids"]) for row in examples(snapshot, "tune", tokenizer)]))
    watch = Stopwatch.of(target, workspace.progress)
    table = latency_table(
        model,
        tokens,
        model_folder=fine_tuned.folder,
        quantized=quantized,
        target=target,
        watch=watch,
        scratch=workspace.scratch,
    )
    return LatencyTable(milliseconds=table, provisional=watch.doubts())


def latency_table(
    model: "MultiExitClassifier",
    tokens: int,
    *,
    model_folder: Path,
    quantized: bool,
    target: Target,
    watch: Stopwatch,
    scratch: Path,
) -> dict[int, float]:
    """Median milliseconds of one layer at `tokens` tokens, batch 1, by FFN width, in eighths of the full width.

    By the thread's CPU time where others disturb the machine.
    """
    import torch

    from tasks.families.classification.encoder.architecture import narrowed
    from tasks.families.classification.encoder.exporting import export_segment, fuse
    from tasks.families.classification.encoder.segments import Segment

    config = model.encoder.config
    layer = model.layers[-1]
    feed_forward = model.layout.feed_forward(layer)
    dense_in, dense_out = feed_forward.dense_in, feed_forward.dense_out
    last = len(model.layers)
    runners = {}
    for width in widths_of(dense_in.out_features):
        feed_forward.replace(*narrowed(dense_in, dense_out, torch.arange(width)))
        graph = scratch / f"layer-{width}.onnx"
        export_segment(Segment(model, last - 1, last).eval(), config.hidden_size, graph)
        fuse(
            graph,
            graph,
            heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            fusion_type=model.layout.fusion_type,
        )
        if quantized:
            int8 = scratch / f"layer-{width}-int8.onnx"
            quantize_graph(graph, int8, technique=DYNAMIC, model_folder=model_folder, calibration=(), scratch=scratch)
            graph = int8
        session = open_session(graph, threads=target.threads, execution_provider=target.execution_provider)
        feeds = {
            "hidden_in": np.random.default_rng(0).standard_normal((1, tokens, config.hidden_size)).astype(np.float32),
            "attention_mask": np.ones((1, tokens), dtype=np.int64),
        }
        runners[str(width)] = lambda _, session=session, feeds=feeds: session.run(["logits"], feeds)
    feed_forward.replace(dense_in, dense_out)
    timed = watch.interleaved(TABLE, runners, [np.zeros(0, dtype=np.int64)] * CALLS, BLOCKS)
    return {int(width): float(np.median(timed.blocks(width)[timed.steady])) for width in runners}


def widths_of(full: int) -> Sequence[int]:
    """Widths to choose from, widest first."""
    return tuple(full * eighths // 8 for eighths in EIGHTHS)
