"""Landed rows join the splits without moving a row that was there, and whatever else lands."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from engine.digests import file_digest
from tasks.artifact import Artifact, Workspace
from tasks.data.duplicates import count_leaking_rows
from tasks.data.landed import extension, split_of
from tasks.data.rows import SPLITS, Row, read_row_file, split_file
from tasks.data.snapshot import extend_snapshot, take_snapshot
from tasks.data.sources import Role, Source
from tasks.recipe.data import DataConfig
from tasks.records import SnapshotResult

WORDS = [f"word{number}" for number in range(400)]
CONFIG = DataConfig(train=("train.jsonl",), slice_column="domain", out_of_scope_label="oos")


def rows_of(label: str, count: int, seed: int, domain: str = "old") -> list[Row]:
    chance = random.Random(f"{label}-{seed}")
    return [Row(" ".join(chance.sample(WORDS, 8)), label, domain) for _ in range(count)]


def source(folder: Path, role: Role, rows: list[Row]) -> Source:
    file = folder / f"{role}-{len(list(folder.iterdir()))}.jsonl"
    lines = [{"text": row.text, "label": row.label, "domain": row.slice} for row in rows]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return Source(role, file.name, file, file_digest(file), "jsonl")


def snapshot(folder: Path, *sources: Source) -> Artifact[SnapshotResult]:
    out = folder / f"out-{len(list(folder.iterdir()))}"
    workspace = Workspace(out, folder / "scratch")
    out.mkdir()
    result = take_snapshot(CONFIG, sources=sources, seed=0, workspace=workspace)
    return Artifact("snapshot", out, "digest", result)


def splits_of(artifact: Artifact[SnapshotResult]) -> dict[str, set[Row]]:
    return {split: set(read_row_file(split_file(artifact.folder, split))) for split in SPLITS}


OWN = rows_of("pay", 200, 0) + rows_of("send", 200, 0) + rows_of("oos", 40, 0)
LANDED = rows_of("pay", 60, 1) + rows_of("book", 120, 1, "travel")


def test_landing_moves_no_row_from_one_split_to_another(tmp_path: Path) -> None:
    own = source(tmp_path, "train", OWN)
    before = splits_of(snapshot(tmp_path, own))
    first = source(tmp_path, "landed", LANDED)
    contradicting = Row(OWN[0].text, "send", "old")
    repeated = Row(OWN[1].text.upper() + " !", "pay", "old")
    second = source(tmp_path, "landed", [*rows_of("book", 80, 2, "travel"), contradicting, repeated])
    once, twice = snapshot(tmp_path, own, first), snapshot(tmp_path, own, first, second)
    for split in SPLITS:
        assert before[split] <= splits_of(once)[split] <= splits_of(twice)[split]
    landed = twice.result.landed
    assert landed is not None
    assert landed.rows == 262
    assert landed.contradicting == 1
    assert landed.repeated == 1
    assert sum(landed.added.values()) == 260
    assert contradicting not in set().union(*splits_of(twice).values())
    assert once.result.labels == ("book", "pay", "send", "oos")
    assert "travel" in once.result.slices


def test_landed_rows_are_shared_out_as_the_recipe_says(tmp_path: Path) -> None:
    counts = Counter(split_of(row, CONFIG.shares, seed=3) for row in rows_of("x", 20_000, 5))
    for split, share in (("gate", 0.15), ("certify", 0.25), ("tune", 0.15), ("train", 0.45)):
        assert counts[split] / 20_000 == pytest.approx(share, abs=0.015)


def test_a_landed_row_that_nearly_repeats_one_of_another_split_stays_out() -> None:
    train = Row("please send forty two dollars to my sister ann tomorrow", "send")
    present = {split: [train] if split == "train" else [] for split in SPLITS}
    near = [
        Row(f"please send forty two dollars to my sister ann tomorro{end}", "send") for end in "abcdefghijklmnopqrst"
    ]
    added = extension(present, near, CONFIG, seed=0)
    together = {split: [*present[split], *added.added[split]] for split in SPLITS}
    assert count_leaking_rows(together, similarity=CONFIG.near_duplicate_similarity) == 0
    assert train in together["train"]
    assert added.leaks


def test_a_new_label_that_cannot_be_trained_stays_out_with_all_its_rows(tmp_path: Path) -> None:
    lonely = next(row for row in rows_of("rare", 200, 0) if split_of(row, CONFIG.shares, seed=0) == "gate")
    taken = snapshot(tmp_path, source(tmp_path, "train", OWN), source(tmp_path, "landed", [*LANDED, lonely]))
    assert "rare" not in taken.result.labels
    assert taken.result.landed is not None
    assert taken.result.landed.thin == {"rare": 1}
    assert lonely not in splits_of(taken)["gate"]


def test_recalibration_adds_landed_rows_to_all_splits_but_the_one_that_was_trained_on(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, source(tmp_path, "train", OWN))
    fresh = source(tmp_path, "landed", rows_of("pay", 200, 7))
    out = tmp_path / "extended"
    out.mkdir()
    result = extend_snapshot(taken, CONFIG, sources=(fresh,), seed=0, workspace=Workspace(out, tmp_path / "scratch"))
    extended = Artifact("extend-snapshot", out, "digest", result)
    before, after = splits_of(taken), splits_of(extended)
    assert after["train"] == before["train"]
    assert all(before[split] < after[split] for split in ("tune", "certify", "gate"))
    assert result.rows == {split: len(after[split]) for split in SPLITS}
    assert result.content_digest != taken.result.content_digest
    assert result.landed is not None
    assert result.landed.added["train"] == 0


def test_recalibration_leaves_out_labels_that_nobody_was_trained_for(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, source(tmp_path, "train", OWN))
    out = tmp_path / "extended"
    out.mkdir()
    landed = source(tmp_path, "landed", LANDED)
    result = extend_snapshot(taken, CONFIG, sources=(landed,), seed=0, workspace=Workspace(out, tmp_path))
    assert result.labels == taken.result.labels
    assert result.landed is not None
    assert result.landed.thin == {"book": 120}
    assert not any(row.label == "book" for split in SPLITS for row in read_row_file(split_file(out, split)))
