"""The graph that the engine runs, `decoder.onnx`: the builder's graph without what a single request does not need.

The weights file is shared. The attention's lengths are inputs instead of being computed from a mask, so a step binds no
new buffers. The head reads only the rows from `first_logit` on, which spares most of its work while a prompt is read. And
the logits leave as log-probabilities, which costs a microsecond there and twenty in numpy.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.generation.graph_names import FIRST_LOGIT, GRAPH_FILE, LAST_POSITION, LOG_PROBABILITIES, TOTAL_LENGTH
from tasks.errors import UserError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

_BUILT = "model.onnx"
_LOGITS = "logits"
_ATTENTION = "GroupQueryAttention"
_LAST_POSITION_INPUT, _TOTAL_LENGTH_INPUT = 5, 6


def write_serving_graph(folder: Path) -> None:
    """Writes `decoder.onnx` beside the builder's `model.onnx`; UserError for an attention that the engine cannot run."""
    import onnx

    model = onnx.load(str(folder / _BUILT), load_external_data=False)
    _lengths_as_inputs(model.graph, folder)
    _head_from_first_logit(model.graph)
    _log_probabilities(model.graph)
    _without_dead_nodes(model.graph)
    onnx.save(model, str(folder / GRAPH_FILE))


def _lengths_as_inputs(graph: "GraphProto", folder: Path) -> None:
    from onnx import TensorProto, helper

    attention = [node for node in graph.node if node.op_type == _ATTENTION]
    if not attention or any(node.op_type == "MultiHeadAttention" for node in graph.node):
        raise UserError("this architecture is not built with GroupQueryAttention; no decoder for it", file=folder)
    for node in attention:
        node.input[_LAST_POSITION_INPUT] = LAST_POSITION
        node.input[_TOTAL_LENGTH_INPUT] = TOTAL_LENGTH
    for name, shape in ((LAST_POSITION, ["batch_size"]), (TOTAL_LENGTH, [1])):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT32, shape))


def _head_from_first_logit(graph: "GraphProto") -> None:
    """Slices the rows of the hidden states before the matrix product that makes the logits."""
    from onnx import TensorProto, helper

    head = _head(graph)
    rows = f"{head.name}/rows"
    ends, axes = f"{rows}/ends", f"{rows}/axes"
    graph.initializer.append(helper.make_tensor(ends, TensorProto.INT64, [1], [2**31 - 1]))
    graph.initializer.append(helper.make_tensor(axes, TensorProto.INT64, [1], [1]))
    cut = helper.make_node("Slice", [head.input[0], FIRST_LOGIT, ends, axes], [rows], name=f"{head.name}/Slice")
    graph.node.insert(list(graph.node).index(head), cut)
    head.input[0] = rows
    graph.input.append(helper.make_tensor_value_info(FIRST_LOGIT, TensorProto.INT64, [1]))


def _log_probabilities(graph: "GraphProto") -> None:
    from onnx import TensorProto, helper

    logits = next(output for output in graph.output if output.name == _LOGITS)
    shape = [1, "rows", logits.type.tensor_type.shape.dim[2].dim_value or "vocabulary"]
    wide = f"{_LOGITS}/fp32"
    graph.node.append(helper.make_node("Cast", [_LOGITS], [wide], name=f"{_LOGITS}/Cast", to=TensorProto.FLOAT))
    graph.node.append(
        helper.make_node("LogSoftmax", [wide], [LOG_PROBABILITIES], name=f"{_LOGITS}/LogSoftmax", axis=-1)
    )
    graph.output.remove(logits)
    graph.output.append(helper.make_tensor_value_info(LOG_PROBABILITIES, TensorProto.FLOAT, shape))


def _head(graph: "GraphProto") -> "NodeProto":
    """The node that multiplies by the head's weights: the first product on the way back from the logits."""
    makers = {output: node for node in graph.node for output in node.output}
    node = makers[_LOGITS]
    while node.op_type not in ("MatMul", "MatMulNBits"):
        node = makers[node.input[0]]
    return node


def _without_dead_nodes(graph: "GraphProto") -> None:
    needed = {output.name for output in graph.output}
    alive = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            alive.append(node)
            needed.update(node.input)
    inputs = [value for value in graph.input if value.name in needed]
    del graph.node[:], graph.input[:]
    graph.node.extend(reversed(alive))
    graph.input.extend(inputs)
