"""The safetensors files of a base model's folder: which they are, that they are whole, and what their tensors are called."""

import json
import struct
from pathlib import Path
from typing import Any, Final

from tasks.errors import UserError, one_line

INDEX_FILE: Final = "model.safetensors.index.json"
CONFIG_FILE: Final = "config.json"
_ADAPTER: Final = "adapter_config.json"
_MODULES: Final = "modules.json"
_POINTER: Final = b"version https://git-lfs"
_LONGEST_HEADER: Final = 100_000_000  # the format's own limit


def weight_files(folder: Path) -> list[Path]:
    """One safetensors file, or those that an index names, and nothing beside them; UserError where it is otherwise."""
    if (folder / _ADAPTER).is_file():
        raise UserError(
            f"this is a PEFT adapter ({_ADAPTER}), not a whole model; merge it into its base (merge_and_unload) and save that",
            file=folder,
            field="base_model",
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not (folder / CONFIG_FILE).is_file() or not weights:
        missing = CONFIG_FILE if not (folder / CONFIG_FILE).is_file() else "*.safetensors weights"
        raise UserError(
            f"no {missing} in this folder; a base model needs both{_hint(folder)}", file=folder, field="base_model"
        )
    index = folder / INDEX_FILE
    if not index.is_file():
        if len(weights) > 1:
            names = ", ".join(file.name for file in weights)
            raise UserError(
                f"several weights files ({names}) and no {INDEX_FILE}; keep one", file=folder, field="base_model"
            )
        return weights
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"not an index of weights ({one_line(error)})", file=index, field="base_model") from error
    found = {file.name for file in weights}
    if missing_shards := sorted(named - found):
        raise UserError(f"weights are missing: {', '.join(missing_shards)}", file=folder, field="base_model")
    if more := sorted(found - named):
        raise UserError(
            f"weights that {INDEX_FILE} does not name: {', '.join(more)}; keep one kind",
            file=folder,
            field="base_model",
        )
    return weights


def weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors in a folder's files by their names, by the headers alone."""
    headers = (_header(file) for file in weight_files(folder))
    return {name: tuple(entry["shape"]) for header in headers for name, entry in sorted(header.items())}


def require_whole(file: Path) -> None:
    """UserError for a pointer of Git LFS in the place of a file, and for safetensors that are cut off or damaged."""
    with file.open("rb") as stream:
        begin = stream.read(len(_POINTER))
    if begin == _POINTER:
        raise UserError(
            "this is a pointer of Git LFS and not the file itself; fetch it (git lfs pull)",
            file=file,
            field="base_model",
        )
    if file.suffix != ".safetensors":
        return
    header = _header(file)
    end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    wanted = end + _data_start(file)
    if file.stat().st_size != wanted:
        raise UserError(
            f"has {file.stat().st_size:,} bytes, and by its own header {wanted:,}: it is not whole; copy or download it again",
            file=file,
            field="base_model",
        )


def _header(file: Path) -> dict[str, dict[str, Any]]:
    """By the name of a tensor, its type, shape and place."""
    try:
        length = _data_start(file) - 8
        if length > _LONGEST_HEADER:
            raise ValueError(f"a header of {length:,} bytes")
        with file.open("rb") as stream:
            stream.seek(8)
            header = dict(json.loads(stream.read(length)))
        header.pop("__metadata__", None)
        for entry in header.values():
            start, end = entry["data_offsets"]
            if not 0 <= start <= end:
                raise ValueError(f"a tensor from {start} to {end}")
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise UserError(
            f"not a whole safetensors file ({one_line(error)}); copy or download it again",
            file=file,
            field="base_model",
        ) from error
    return header


def _data_start(file: Path) -> int:
    """Where the header ends: its length is in the first eight bytes."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
    return 8 + int(length)


def _hint(folder: Path) -> str:
    """The way out of the commonest other layouts of a model's folder."""
    below = sorted(
        file.parent.name for file in folder.glob(f"*/{CONFIG_FILE}") if list(file.parent.glob("*.safetensors"))
    )
    if below:
        layout = "sentence-transformers keeps it" if (folder / _MODULES).is_file() else "it is"
        return f"; {layout} in the folder {below[0]}: name that"
    others = sorted(
        file.name for pattern in ("*.bin", "*.pt", "*.h5", "*.msgpack", "*.gguf") for file in folder.glob(pattern)
    )
    if others:
        return f"; {others[0]} is not read (it may hold code, or is of another program): save the model as safetensors"
    return ""
