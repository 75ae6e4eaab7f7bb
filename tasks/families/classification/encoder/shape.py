"""The shape of a multi-exit model: its exits, kept layers and widths. Readable without PyTorch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import strict_json

SHAPE_FILE: Final = "multi_exit.json"
ENCODER_FILE: Final = "config.json"


@dataclass(frozen=True)
class Shape:
    """What is not in the encoder's own config.

    `exits`: 1-based layers with a head, the last one included; `layers`: original 1-based indices of the layers kept;
    `ffn_widths`: one per kept layer; `max_length`: tokens at most, special ones included.
    """

    labels: tuple[str, ...]
    exits: tuple[int, ...]
    layers: tuple[int, ...]
    ffn_widths: tuple[int, ...]
    max_length: int

    @property
    def exit_names(self) -> tuple[str, ...]:
        """`layer-N` for the early exits, `full` for the last."""
        return (*(f"layer-{depth}" for depth in self.exits[:-1]), "full")


def read_shape(folder: Path) -> Shape:
    """The shape of a saved model."""
    fields = strict_json.read(folder / SHAPE_FILE)
    return Shape(
        labels=tuple(fields["labels"]),
        exits=tuple(fields["exits"]),
        layers=tuple(fields["layers"]),
        ffn_widths=tuple(fields["ffn_widths"]),
        max_length=fields["max_length"],
    )


def vocabulary_size(folder: Path) -> int:
    """How many ids the encoder of a saved or exported model has an embedding for."""
    # Not the project's own document: transformers writes Infinity into some configurations.
    return int(json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))["vocab_size"])
