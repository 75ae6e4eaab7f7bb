"""The counted words as graphs that the runtime of classification runs: a quick segment, the rest, and both in one."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tasks.artifact import Artifact, Workspace
from tasks.records import CompressionResult

from .count import WEIGHTS_FILE
from .records import CountedWords

QUICK, FULL, REFERENCE = "quick", "full", "reference"


def write_graphs(counted: Artifact[CountedWords], *, workspace: Workspace) -> CompressionResult:
    """There is nothing to compress: the static model is the reference path."""
    with np.load(counted.folder / WEIGHTS_FILE) as stored:
        table = np.concatenate([stored[QUICK], stored["all"]], axis=1)
    for name, takes_ids, hands_on in ((QUICK, True, True), (FULL, False, False), (REFERENCE, True, False)):
        onnx.save(graph(table, takes_ids=takes_ids, hands_on=hands_on), graph_file(workspace.out, name))
    return CompressionResult(
        model=FULL,
        precision="fp32",
        techniques=(),
        parity=(),
        segments=(f"{QUICK}.onnx", f"{FULL}.onnx"),
        parent_segments=(),
        static_monolith=f"{REFERENCE}.onnx",
        static_precision="fp32",
        reference_monolith=f"{REFERENCE}.onnx",
    )


def graph_file(folder: Path, name: str) -> Path:
    """Where a path's graph lies."""
    return folder / f"{name}.onnx"


def graph(table: NDArray[np.float32], *, takes_ids: bool, hands_on: bool) -> onnx.ModelProto:
    """Sums the (tokens, 2 topics) vectors of a row's words; a path that hands on reads the quick half, the last the other."""
    width, topics = table.shape[1], table.shape[1] // 2
    half = np.eye(width, dtype=np.float32)[:, :topics] if hands_on else np.eye(width, dtype=np.float32)[:, topics:]
    held = {"half": half, "last": np.array([2]), "middle": np.array([1])} | ({"table": table} if takes_ids else {})
    node, vectors = helper.make_node, "hidden" if takes_ids else "hidden_in"
    nodes = [node("Gather", ["table", "input_ids"], ["hidden"])] if takes_ids else []
    nodes += [
        node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["weights", "last"], ["wide"]),
        node("Mul", [vectors, "wide"], ["counted"]),
        node("ReduceSum", ["counted", "middle"], ["embedding"], keepdims=0),
        node("MatMul", ["embedding", "half"], ["logits"]),
    ]
    number, whole = TensorProto.FLOAT, TensorProto.INT64
    value = helper.make_tensor_value_info
    words = ["rows", "tokens"]
    given = [value("input_ids", whole, words)] if takes_ids else [value("hidden_in", number, [*words, width])]
    found = [value("hidden", number, [*words, width])] if hands_on else []
    found += [value("logits", number, ["rows", topics]), value("embedding", number, ["rows", width])]
    made = helper.make_graph(
        nodes,
        "keywords",
        [*given, value("attention_mask", whole, words)],
        found,
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
