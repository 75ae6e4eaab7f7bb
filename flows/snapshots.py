"""The first steps of every run: the rows that models are made of, and those that they are judged by."""

from collections.abc import Sequence
from typing import Final

from flows.preparation import PreparedRun
from tasks.artifact import Artifact
from tasks.data.sources import Source
from tasks.records import SnapshotResult
from tasks.step import Keyed, Step, Steps

SNAPSHOT: Final = Step("snapshot", "tasks.data.snapshot:take_snapshot", SnapshotResult)
EXTEND: Final = Step("extend-snapshot", "tasks.data.snapshot:extend_snapshot", SnapshotResult)

_LEFT_OUT: Final = ("quarantine.jsonl", "contradicting.jsonl", "leaking.jsonl")


def snapshot_labels(prepared: PreparedRun) -> list[str]:
    """What the steps of `snapshots` are called."""
    return [SNAPSHOT.name, *([EXTEND.name] if prepared.judged else [])]


def snapshots(prepared: PreparedRun, steps: Steps) -> tuple[Artifact[SnapshotResult], Artifact[SnapshotResult]]:
    """What the model is trained on, and what its router is calibrated and judged by: often the same."""
    inputs = {
        "config": prepared.recipe.data,
        "sources": keyed_sources(prepared.sources),
        "seed": prepared.recipe.seed,
        "special_tokens": prepared.special_tokens,
        "base": prepared.base,
    }
    trained_on = steps.run(SNAPSHOT, inputs, files=_LEFT_OUT)
    if not prepared.judged:
        return trained_on, trained_on
    more = {"snapshot": trained_on, "sources": keyed_sources(prepared.judged)}
    return trained_on, steps.run(EXTEND, inputs | more, files=_LEFT_OUT)


def keyed_sources(sources: Sequence[Source]) -> Keyed:
    """Sources as the input of a step: what they are called and what they hold, not where they lie."""
    key = [
        {"role": source.role, "location": source.location, "sha256": source.sha256, "format": source.format}
        for source in sources
    ]
    return Keyed(tuple(sources), key)
