"""Export one model as ONNX: a graph per segment and a monolith, fused, each checked against its parent.

Parity: the unfused monolith against PyTorch, the fused one against the unfused, the chain of segments against the
fused monolith (within 1e-4 in fp32). The longest row that the tokenizer lets through is among the rows.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from engine.tokenization import Ids, TextTokenizer
from tasks.artifact import Artifact, R, Workspace
from tasks.data.rows import read_rows
from tasks.families.classification.encoder.shape import ENCODER_FILE, SHAPE_FILE
from tasks.families.classification.files import MONOLITH, UNFUSED, tokenizer_file, tokenizer_file_in, unfused_name
from tasks.families.classification.records import ExportResult
from tasks.graphs.parity import EXPORT_BOUND, ParityError
from tasks.records import GraphParity, SnapshotResult

PARITY_ROWS: Final = 64
SEGMENTS_BOUND: Final = 1e-4


def export_graphs(snapshot: Artifact[SnapshotResult], model: Artifact[R], *, workspace: Workspace) -> ExportResult:
    """Export the model saved in `model.folder` (fine-tuned or pruned)."""
    from tasks.families.classification.encoder.exporting import export_segment, fuse
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.encoder.segments import cut_at_exits, monolith

    network = load_model(model.folder)
    config = network.encoder.config
    fusing = {
        "heads": config.num_attention_heads,
        "hidden_size": config.hidden_size,
        "fusion_type": network.layout.fusion_type,
    }
    cuts = cut_at_exits(network)
    names = tuple(f"segment-{index}.onnx" for index in range(1, len(cuts) + 1))
    for number, (segment, name) in enumerate(zip(cuts, names, strict=True)):
        workspace.progress(f"export and fuse {name}", number / (len(cuts) + 2))
        export_segment(segment, config.hidden_size, workspace.out / unfused_name(name))
        fuse(workspace.out / unfused_name(name), workspace.out / name, **fusing)
    workspace.progress("export and fuse the monolith", len(cuts) / (len(cuts) + 2))
    export_segment(monolith(network), config.hidden_size, workspace.out / UNFUSED)
    operators = fuse(workspace.out / UNFUSED, workspace.out / MONOLITH, **fusing)
    shutil.copyfile(tokenizer_file(model), tokenizer_file_in(workspace.out))
    for name in (SHAPE_FILE, ENCODER_FILE):
        shutil.copyfile(model.folder / name, workspace.out / name)

    tokenizer = TextTokenizer(tokenizer_file(model), network.shape.max_length)
    rows = with_longest(
        tokenizer.encode_batch([row.text for row in read_rows(snapshot, "tune")[:PARITY_ROWS]]), tokenizer
    )
    parity = _parity(network, workspace.out, names, rows)
    broken = [check for check in parity if check.bound is not None and not check.max_abs_difference <= check.bound]
    if broken:
        worst = broken[0]
        raise ParityError(
            f"{worst.graph} differs from {worst.parent} by {worst.max_abs_difference:.2e}, more than {worst.bound:.0e}"
        )
    return ExportResult(
        segments=names,
        monolith=MONOLITH,
        parity=parity,
        fused_operators=operators,
        size_mb=(workspace.out / MONOLITH).stat().st_size / 1e6,
    )


def with_longest(rows: Sequence[Ids], tokenizer: TextTokenizer) -> list[Ids]:
    """The rows and, last, one of as many tokens as the tokenizer lets through, made of theirs."""
    return [*rows, np.resize(np.concatenate(rows), tokenizer.max_length)]


def _parity(network: object, folder: Path, segments: tuple[str, ...], rows: list[Ids]) -> tuple[GraphParity, ...]:
    from tasks.families.classification.encoder.batches import exit_logits
    from tasks.graphs.parity import compare, logits_of
    from tasks.graphs.session import ChainRunner, MonolithRunner
    from tasks.recipe.target import Target

    here = Target(name="parity")
    padding_id = network.encoder.config.pad_token_id or 0  # type: ignore[attr-defined]
    torch_exits = exit_logits(network, rows, padding_id)  # type: ignore[arg-type]
    unfused = logits_of(MonolithRunner(folder / UNFUSED, here), rows)
    fused = logits_of(MonolithRunner(folder / MONOLITH, here), rows)
    chain = ChainRunner([folder / name for name in segments], here)
    exits = np.stack([np.stack(chain.all_exits(ids)) for ids in rows])
    early = (
        compare(name, f"pytorch exit {index}", exits[:, index], torch_exits[:, index], EXPORT_BOUND)
        for index, name in enumerate(segments[:-1])
    )
    return (
        compare(UNFUSED, "pytorch", unfused, torch_exits[:, -1], EXPORT_BOUND),
        compare(MONOLITH, UNFUSED, fused, unfused, EXPORT_BOUND),
        compare("segments", MONOLITH, exits[:, -1], fused, SEGMENTS_BOUND),
        *early,
    )
