"""One labelled row, the names of the four splits, and their files.

A split is a JSON-lines file of `{"text", "label", "slice"}`, UTF-8, one row per line feed, in an order that depends on
the rows alone: the same rows give the same bytes, whichever files they came from.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import strict_json
from tasks.artifact import Artifact
from tasks.records import SnapshotResult

SPLITS: Final = ("train", "tune", "certify", "gate")
UNLABELLED: Final = ""
"""The label of a row that has none: only recalibration takes such rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example. `slice` is None where the recipe names no slice column."""

    text: str
    label: str
    slice: str | None = None


def read_rows(snapshot: Artifact[SnapshotResult], split: str) -> list[Row]:
    """All rows of one split (`train`, `tune`, `certify` or `gate`) of a sealed snapshot, in the order of its file."""
    if split not in SPLITS:
        raise ValueError(f"no split is called {split!r}; the splits are {', '.join(SPLITS)}")
    return read_row_file(split_file(snapshot.folder, split))


def split_file(folder: Path, split: str) -> Path:
    """Where a split lies in a snapshot's folder."""
    return folder / f"{split}.jsonl"


def read_row_file(file: Path) -> list[Row]:
    """The rows that `write_row_file` wrote."""
    with file.open("rb") as lines:
        return [Row(**strict_json.loads(line)) for line in lines]


def write_row_file(file: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines, in the order given."""
    with file.open("wb") as stream:
        stream.writelines(_line(row) for row in rows)


def in_content_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by the hash of their content: reproducible from any order, and any first n of them are a fair sample."""
    return sorted(rows, key=lambda row: (content_hash(row), row.slice or ""))


def content_hash(row: Row, seed: int | None = None) -> bytes:
    """SHA-256 of a row's label and text, with a seed as its salt; the slice takes no part."""
    salt = "" if seed is None else str(seed)
    return hashlib.sha256("\0".join((salt, row.label, row.text)).encode()).digest()


def content_digest(splits: Mapping[str, Sequence[Row]]) -> str:
    """One SHA-256 over the rows of all splits in content order: the identity of the data, without any file name."""
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(f"{split} {len(splits[split])}\n".encode())
        for row in in_content_order(splits[split]):
            digest.update(_line(row))
    return digest.hexdigest()


def _line(row: Row) -> bytes:
    fields = {"text": row.text, "label": row.label, "slice": row.slice}
    return strict_json.dumps(fields).encode() + b"\n"
