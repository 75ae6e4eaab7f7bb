"""What a base model of the fuzz run is, and ways to spoil one that is whole."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Expected = Literal["fine", "error", "either"]
"""`fine`: nothing is wrong with it; `error`: it cannot be used, and one line has to say so."""
Writer = Callable[[Path], None]

REFUSALS: Final = (
    "base_model",
    "base model",
    "config.json",
    "tokenizer",
    "safetensors",
    "weights",
    "generation_config",
)
"""Words of which a refusal of a base model says one."""


@dataclass(frozen=True)
class Base:
    """One base model. `names`: words of which a refusal has to say one."""

    write: Writer
    expected: Expected = "fine"
    names: tuple[str, ...] = REFUSALS


def altered(write: Writer, file: str, change: Callable[[Any], Any]) -> Writer:
    """A base one of whose JSON files says something else."""

    def written(folder: Path) -> None:
        write(folder)
        place = folder / file
        place.write_text(json.dumps(change(json.loads(place.read_text("utf-8")))), encoding="utf-8")

    return written


def replaced(write: Writer, file: str, content: bytes | None) -> Writer:
    """A base one of whose files holds something else, or is not there."""

    def written(folder: Path) -> None:
        write(folder)
        place = folder / file
        if content is None:
            place.unlink()
        else:
            place.write_bytes(content)

    return written


def weighted(write: Writer, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Writer:
    """A base with other weights."""

    def written(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        write(folder)
        file = folder / "model.safetensors"
        save_file(change(load_file(file)), file, metadata={"format": "pt"})

    return written


def prefixed(write: Writer, prefix: str) -> Writer:
    """A base whose tensors carry the prefix of a wrapper."""
    return weighted(write, lambda weights: {prefix + name: tensor for name, tensor in weights.items()})
