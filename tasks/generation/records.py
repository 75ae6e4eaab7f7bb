"""Results of the steps of text generation."""

from tasks.artifact import Record
from tasks.generation.precision import DecoderPrecision
from tasks.records import GraphParity


class DecoderExport(Record):
    """One decoder as ONNX: `folder`, in the step's, with graphs, weights and tokenizer; `size_mb` of graph and weights."""

    folder: str
    precision: DecoderPrecision
    parity: tuple[GraphParity, ...]
    size_mb: float
