"""What the files are called that one step of text classification leaves for another."""

from pathlib import Path
from typing import Final

from engine.bundle import TOKENIZER_FILE
from tasks.artifact import Artifact, R

FINE_TUNED: Final = "fine-tuned"
PRUNED: Final = "pruned"
"""Under which names exported models reach the quantizing step."""
MONOLITH: Final = "monolith.onnx"
REFERENCE_MONOLITH: Final = "reference.onnx"
STATIC_MONOLITH: Final = "static.onnx"


def unfused_name(graph: str) -> str:
    """The file of a graph before fusion."""
    return graph.replace(".onnx", "-unfused.onnx")


UNFUSED: Final = unfused_name(MONOLITH)


def tokenizer_file(model: Artifact[R]) -> Path:
    """The tokenizer that goes with a model's weights or graphs."""
    return tokenizer_file_in(model.folder)


def tokenizer_file_in(folder: Path) -> Path:
    """Where a folder keeps its tokenizer."""
    return folder / TOKENIZER_FILE
