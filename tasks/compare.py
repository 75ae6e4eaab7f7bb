"""Compare the bundle with the champion: both answer the same gate rows, and an exact paired test counts harms and gains.

The champion may know other labels than the data has now; answers are compared by the labels' names. The rows that the
two answer differently are kept, for whoever reviews the change.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.digests import folder_digest
from engine.prediction import Prediction
from tasks.artifact import Artifact, Workspace
from tasks.bundling import load_bundle
from tasks.calibrate import BUNDLE_FOLDER
from tasks.data.rows import Row, read_rows
from tasks.recipe.target import Target
from tasks.records import ChampionComparison, RouterResult, SliceComparison, SnapshotResult
from tasks.router.answers import ABSTAIN, truth_ids
from tasks.statistics.binomial import exact_interval
from tasks.statistics.paired_test import paired_test

DIFFERENCES_FILE: Final = "differences.jsonl"
_NO_MARGIN: Final = 0.0


def compare_with_champion(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    champion: Path,
    *,
    name: str,
    version: int,
    confidence: float,
    target: Target,
    workspace: Workspace,
) -> ChampionComparison:
    """Both bundles on the gate rows, as they serve; intervals and test at `confidence`.

    `champion` is the bundle of version `version` of the registered model `name`. Leaves `differences.jsonl` in
    `workspace.out`. Raises BundleError for a champion that the engine does not load.
    """
    rows = read_rows(snapshot, "gate")
    bundle = router.folder / BUNDLE_FOLDER
    workspace.progress(f"the champion, version {version}, on {len(rows)} gate rows", 0.0)
    theirs = _answers(champion, rows, target)
    workspace.progress(f"the new bundle on {len(rows)} gate rows", 0.5)
    ours = _answers(bundle, rows, target)
    expected = _expected(rows, snapshot.result)
    their_right, our_right = _right(theirs, expected), _right(ours, expected)
    _write_differences(workspace.out / DIFFERENCES_FILE, rows, theirs, ours)
    return ChampionComparison(
        name=name,
        version=version,
        bundle_digest=folder_digest(champion),
        challenger_digest=folder_digest(bundle),
        test=paired_test(their_right, our_right, _NO_MARGIN, confidence),
        accuracy=exact_interval(int(our_right.sum()), len(rows), confidence),
        champion_accuracy=exact_interval(int(their_right.sum()), len(rows), confidence),
        slices=_by_slice(rows, their_right, our_right, confidence),
    )


def _answers(bundle: Path, rows: Sequence[Row], target: Target) -> list[Prediction]:
    return load_bundle(bundle, target).predict([row.text for row in rows])


def _expected(rows: Sequence[Row], data: SnapshotResult) -> list[str | None]:
    """The right label of each row; None where a model has to abstain."""
    truth = truth_ids(rows, data.labels, data.out_of_scope_label)
    return [None if label == ABSTAIN else row.label for row, label in zip(rows, truth, strict=True)]


def _right(answers: Sequence[Prediction], expected: Sequence[str | None]) -> NDArray[np.bool_]:
    return np.array([answer.label == label for answer, label in zip(answers, expected, strict=True)], dtype=np.bool_)


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
    file: Path, rows: Sequence[Row], theirs: Sequence[Prediction], ours: Sequence[Prediction]
) -> None:
    """One line per row that the two answer differently; an abstention is null."""
    with file.open("w", encoding="utf-8") as stream:
        for row, their, our in zip(rows, theirs, ours, strict=True):
            if their.label != our.label:
                line = {"text": row.text, "label": row.label, "champion": their.label, "new": our.label}
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
