"""The step that reports drift: landed rows against the data at hand and the champion, and what is to be done about it."""

from dataclasses import replace
from pathlib import Path

from tasks.artifact import Artifact, Record, Workspace
from tasks.data.checked import read_checked
from tasks.data.completions import normal_form
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.data.sources import Source
from tasks.drift.assess import assess
from tasks.drift.champion import champion_answers, champion_embeddings
from tasks.drift.decide import decide
from tasks.drift.records import Decision, DriftReport
from tasks.recipe.data import AnyData
from tasks.recipe.drift import DriftPolicy
from tasks.recipe.target import Target
from tasks.records import SnapshotResult


class DriftResult(Record):
    """What was found and what was decided."""

    report: DriftReport
    decision: Decision


def report_drift(
    snapshot: Artifact[SnapshotResult],
    champion: Path,
    config: AnyData,
    *,
    sources: tuple[Source, ...],
    policy: DriftPolicy,
    seed: int,
    target: Target,
    workspace: Workspace,
) -> DriftResult:
    """Compare the rows of `sources` with `snapshot`, as the bundle `champion` answers and embeds them.

    Leaves `findings.txt` in `workspace.out`. Raises BundleError for a champion that the engine does not load.
    """
    placed, _, _ = read_checked(config, sources, workspace.progress)
    workspace.progress(f"{len(placed):,} landed rows against the champion", 0.5)
    report = assess(
        {split: [_judged(row, config) for row in read_rows(snapshot, split)] for split in SPLITS},
        [_judged(entry.row, config) for entry in placed],
        champion_answers(champion, target, config),
        champion_embeddings(champion, target),
        out_of_scope_label=config.out_of_scope_label,
        classes=config.classes,
        policy=policy,
        seed=seed,
    )
    decision = decide(report, policy)
    lines = [decision.outcome, *(f"{'*' if entry.holds else ' '} {entry.sentence}" for entry in decision.findings)]
    (workspace.out / "findings.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DriftResult(report=report, decision=decision)


def _judged(row: Row, config: AnyData) -> Row:
    """Completions as answers are compared with them."""
    return row if config.correct is None else replace(row, label=normal_form(config.correct, row.label))
