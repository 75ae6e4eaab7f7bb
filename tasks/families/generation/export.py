"""Export one trained decoder in fp32 and check it: the builder's graph against PyTorch, the serving graph against that.

What serves in another precision is built from the same trained folder (see building); fp32 is the reference path.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.artifact import Artifact, Workspace
from tasks.data.rows import Row, read_rows
from tasks.families.generation.decoders.building import DecoderBuild, build_decoders, decoder_size_mb
from tasks.families.generation.precision.kinds import FP32
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.records import DecoderExport, GenerationFineTuneResult, StudentResult
from tasks.graphs.parity import EXPORT_BOUND, ParityError, compare
from tasks.records import GraphParity, SnapshotResult

DECODER: Final = "decoder"
"""The folder, in the step's, that holds the exported decoder."""
PARITY_POSITIONS: Final = 64
PARITY_ROWS: Final = 8
LONG_TOKENS: Final = 1024
Ids = Sequence[int]


def export_decoder(
    snapshot: Artifact[SnapshotResult],
    model: Artifact[GenerationFineTuneResult] | Artifact[StudentResult],
    *,
    workspace: Workspace,
) -> DecoderExport:
    """Export the transformers folder `model.folder`; ParityError where a graph answers differently from its parent."""
    folder = workspace.out / DECODER
    workspace.progress("build the decoder's graph", 0.0)
    build_decoders([DecoderBuild(model.folder, FP32, folder)], scratch=workspace.scratch, tell=workspace.remark)
    workspace.progress("compare with PyTorch", 0.7)
    rows = parity_rows(model.folder, read_rows(snapshot, "tune"), model.result.prompt_format)
    parity = (*check_parity(model.folder, folder, rows), check_long_row(model.folder, folder, rows))
    return DecoderExport(folder=DECODER, precision=FP32, parity=parity, size_mb=decoder_size_mb(folder))


def parity_rows(model: Path, rows: Sequence[Row], layout: PromptFormat) -> list[Ids]:
    """Prompts with their gold completions as ids, each cut at PARITY_POSITIONS; several rows, so that there are as many."""
    from tasks.families.generation.rows.examples import to_examples
    from tasks.families.generation.training.model_files import open_tokenizer

    examples = to_examples(rows[:PARITY_ROWS], open_tokenizer(model), layout)
    return [(example.prompt + example.completion)[:PARITY_POSITIONS] for example in examples]


def check_parity(model: Path, decoder: Path, rows: Sequence[Ids]) -> tuple[GraphParity, ...]:
    """Logits at every position of the rows: the built graph against PyTorch, log-probabilities: ours against the built one.

    ParityError where they differ by more than 1e-3.
    """
    built = np.concatenate(list(_built_logits(decoder, rows)))
    parity = (
        compare("model.onnx", "pytorch", built, _torch_logits(model, rows), EXPORT_BOUND),
        compare("decoder.onnx", "model.onnx", _served(decoder, rows), _log_softmax(built), EXPORT_BOUND),
    )
    for check in parity:
        _require_bound(check)
    return parity


def check_long_row(model: Path, decoder: Path, rows: Sequence[Ids]) -> GraphParity:
    """Log-probabilities at the end of a row of LONG_TOKENS tokens or the whole context, made of `rows`: ours against PyTorch's.

    Sliding windows and scaled rotary embeddings do nothing in short rows. ParityError as above.
    """
    from engine.generation.decoder import Decoder

    opened = Decoder(decoder)
    ids = np.resize(np.concatenate([np.asarray(row) for row in rows]), min(LONG_TOKENS, opened.context_length)).tolist()
    last = min(PARITY_POSITIONS, len(ids))
    with opened.request(ids, 0) as (state, _):
        own = state.read(ids, 0, last).copy()
    theirs = _log_softmax(_torch_logits(model, [ids], last=last))
    check = compare(f"decoder.onnx after {len(ids)} tokens", "pytorch", own, theirs, EXPORT_BOUND)
    _require_bound(check)
    return check


def _require_bound(check: GraphParity) -> None:
    if not check.max_abs_difference <= EXPORT_BOUND:
        raise ParityError(
            f"{check.graph} differs from {check.parent} by {check.max_abs_difference:.2e}, more than {EXPORT_BOUND:.0e}"
        )


def _torch_logits(model: Path, rows: Sequence[Ids], last: int = 0) -> NDArray[np.float32]:
    """At the last so many positions of each row, 0 is at all."""
    import torch

    from tasks.families.generation.training.model_files import open_model

    network = open_model(model).eval()
    with torch.no_grad():
        return np.concatenate(
            [network(torch.tensor([list(ids)]), logits_to_keep=last).logits[0].numpy() for ids in rows]
        )


def _built_logits(decoder: Path, rows: Sequence[Ids]) -> Iterator[NDArray[np.float32]]:
    """The builder's graph, as onnxruntime-genai runs it: one pass over each row, with nothing before it."""
    import json

    from engine.session import open_session

    shape = json.loads((decoder / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
    session = open_session(decoder / "model.onnx")
    names = [value.name for value in session.get_inputs()]
    nothing = np.zeros((1, shape["num_key_value_heads"], 0, shape["head_size"]), dtype=np.float32)
    for ids in rows:
        feed = {"input_ids": np.array([ids], dtype=np.int64), "attention_mask": np.ones((1, len(ids)), dtype=np.int64)}
        feed["position_ids"] = np.arange(len(ids), dtype=np.int64)[None]
        feeds = {name: nothing if name.startswith("past") else feed[name] for name in names}
        (logits,) = session.run(["logits"], feeds)
        yield logits[0]


def _served(decoder: Path, rows: Sequence[Ids]) -> NDArray[np.float32]:
    """The engine's way: the first half in one pass, the rest in steps of one and of several tokens."""
    from engine.generation.decoder import Decoder

    opened = Decoder(decoder)
    found = []
    for ids in rows:
        with opened.request(ids, 0) as (state, _):
            cuts = sorted({0, len(ids) // 2, len(ids) // 2 + 1, len(ids) // 2 + 2, len(ids)})
            for start, end in pairwise(cuts):
                found.append(state.read(ids[start:end], start, end - start).copy())
    return np.concatenate(found)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
