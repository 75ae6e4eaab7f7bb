"""Every row that was read is in a split, or counted by the reason for which it is not."""

import json
import random
from pathlib import Path

import pytest

from engine.digests import file_digest
from tasks.artifact import Artifact, Workspace
from tasks.data.snapshot import extend_snapshot, take_snapshot
from tasks.data.sources import Role, Source
from tasks.recipe.data import AnyData, DataConfig, PromptDataConfig
from tasks.records import LandedRows, SnapshotResult

WORDS = [f"word{number}" for number in range(300)]
SHARED = [" ".join(random.Random(number).sample(WORDS, 7)) for number in range(80)]
UNUSABLE = ("", None, ["a"], "a\0b")


def records(seed: int, count: int, config: AnyData, labels: tuple[str, ...]) -> list[dict[str, object]]:
    """Rows of which many repeat, nearly repeat or contradict one another, and a few cannot be used."""
    chance = random.Random(seed)
    made: list[dict[str, object]] = []
    for _ in range(count):
        text: object = chance.choice(SHARED) if chance.random() < 0.4 else " ".join(chance.sample(WORDS, 7))
        if chance.random() < 0.2:
            text = str(text).upper() + chance.choice(["!", " ?", "x"])
        answer: object = labels[hash_of(str(text)) % len(labels)] if chance.random() < 0.9 else chance.choice(labels)
        if chance.random() < 0.03:
            text, answer = chance.choice([(chance.choice(UNUSABLE), answer), (text, chance.choice(UNUSABLE))])
        made.append({config.text_column: text, config.label_column: answer})
    return made


def hash_of(text: str) -> int:
    return sum(map(ord, text.lower().rstrip("!? x")))


def source(folder: Path, role: Role, rows: list[dict[str, object]]) -> Source:
    file = folder / f"{role}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Source(role, file.name, file, file_digest(file), "jsonl")


def workspace(folder: Path) -> Workspace:
    folder.mkdir()
    return Workspace(folder, folder)


def is_whole(landed: LandedRows | None) -> bool:
    assert landed is not None
    out = landed.repeated + landed.contradicting + sum(landed.thin.values()) + landed.untrained
    return landed.rows == sum(landed.added.values()) + out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "config",
    [
        DataConfig(train=("t",), max_quarantined_share=0.2, out_of_scope_label="oos"),
        PromptDataConfig(train=("t",), max_quarantined_share=0.9),
    ],
    ids=["classes", "completions"],
)
def test_every_row_is_in_a_split_or_counted(tmp_path: Path, config: AnyData, seed: int) -> None:
    labels = ("pay", "send", "oos")
    given: dict[Role, list[dict[str, object]]] = {
        "train": records(seed, 600, config, labels),
        "validation": records(seed + 50, 200, config, labels),
        "test": records(seed + 90, 150, config, labels),
    }
    sources = tuple(source(tmp_path, role, rows) for role, rows in given.items())
    out = tmp_path / "own"
    own = take_snapshot(config, sources=sources, seed=seed, workspace=workspace(out))
    left_out = own.quarantined + own.contradicting + own.duplicates + own.leaking_exact + own.leaking_near
    assert sum(map(len, given.values())) == sum(own.rows.values()) + left_out
    assert min(own.quarantined, own.contradicting, own.duplicates, own.leaking_exact) > 0

    fresh = records(seed + 7, 300, config, (*labels, "rare"))
    landed = source(tmp_path, "landed", fresh)
    both = take_snapshot(config, sources=(*sources, landed), seed=seed, workspace=workspace(tmp_path / "both"))
    assert is_whole(both.landed)
    assert both.landed is not None
    assert both.landed.rows + both.quarantined - own.quarantined == len(fresh)

    artifact: Artifact[SnapshotResult] = Artifact("snapshot", out, "digest", own)
    more = workspace(tmp_path / "more")
    extended = extend_snapshot(artifact, config, sources=(landed,), seed=seed, workspace=more)
    assert is_whole(extended.landed)
    assert extended.landed is not None
    assert extended.landed.untrained > 0
    assert extended.landed.rows + extended.quarantined - own.quarantined == len(fresh)
    assert sum(extended.quarantine_reasons.values()) == extended.quarantined
