"""What comes of two bundles' answers to the same rows: an exact paired test, as a whole and by slice, and what differs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine import strict_json
from engine.digests import folder_digest
from tasks.artifact import Artifact, Workspace
from tasks.bundles.place import bundle_of
from tasks.data.rows import Row, read_rows
from tasks.records import ChampionComparison, RouterResult, SliceComparison, SnapshotResult
from tasks.statistics.binomial import exact_interval
from tasks.statistics.paired_test import paired_test

DIFFERENCES_FILE: Final = "differences.jsonl"
_NO_MARGIN: Final = 0.0


@dataclass(frozen=True)
class Answered:
    """A bundle's answers to the rows (None where it abstains or cannot be asked), and (rows,) whether they are right."""

    bundle: Path
    answers: Sequence[str | None]
    right: NDArray[np.bool_]


def compare_on_gate(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    champion: Path,
    answered: Callable[[Path, Sequence[Row]], Answered],
    *,
    name: str,
    version: int,
    confidence: float,
    workspace: Workspace,
) -> ChampionComparison:
    """Both bundles on the gate rows, as they serve; intervals and test at `confidence`.

    `champion` is the bundle of version `version` of the registered model `name`; `answered` asks a bundle. Leaves
    `differences.jsonl` in `workspace.out`.
    """
    rows = read_rows(snapshot, "gate")
    workspace.progress(f"the champion, version {version}, on {len(rows)} gate rows", 0.0)
    theirs = answered(champion, rows)
    workspace.progress(f"the new bundle on {len(rows)} gate rows", 0.5)
    ours = answered(bundle_of(router), rows)
    return comparison(rows, theirs, ours, name=name, version=version, confidence=confidence, out=workspace.out)


def comparison(
    rows: Sequence[Row], champion: Answered, own: Answered, *, name: str, version: int, confidence: float, out: Path
) -> ChampionComparison:
    """Intervals and tests at `confidence`; leaves the rows that the two answer differently in `out`, for a reviewer."""
    _write_differences(out / DIFFERENCES_FILE, rows, champion.answers, own.answers)
    return ChampionComparison(
        name=name,
        version=version,
        bundle_digest=folder_digest(champion.bundle),
        challenger_digest=folder_digest(own.bundle),
        test=paired_test(champion.right, own.right, _NO_MARGIN, confidence),
        accuracy=exact_interval(int(own.right.sum()), len(rows), confidence),
        champion_accuracy=exact_interval(int(champion.right.sum()), len(rows), confidence),
        slices=_by_slice(rows, champion.right, own.right, confidence),
    )


def _by_slice(
    rows: Sequence[Row], theirs: NDArray[np.bool_], ours: NDArray[np.bool_], confidence: float
) -> tuple[SliceComparison, ...]:
    names = np.array([row.slice or "" for row in rows])
    chosen = {name: names == name for name in sorted(set(names.tolist()) - {""})}
    return tuple(
        SliceComparison(name=name, test=paired_test(theirs[mask], ours[mask], _NO_MARGIN, confidence))
        for name, mask in chosen.items()
    )


def _write_differences(
    file: Path, rows: Sequence[Row], theirs: Sequence[str | None], ours: Sequence[str | None]
) -> None:
    """One line per row that the two answer differently; an abstention is null."""
    with file.open("w", encoding="utf-8") as stream:
        for row, their, our in zip(rows, theirs, ours, strict=True):
            if their != our:
                line = {"text": row.text, "label": row.label, "champion": their, "new": our}
                stream.write(strict_json.dumps(line) + "\n")
