"""Tiny requests and calls, and a decoder trained on them from nothing, shared by the tests of training."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.artifact import Artifact, Workspace
from tasks.data.rows import SPLITS, Row, split_file, write_row_file
from tasks.families.generation.fine_tune import fine_tune
from tasks.families.generation.recipe_sections import GenerationFineTuneConfig, InitConfig
from tasks.families.generation.records import GenerationFineTuneResult
from tasks.records import SnapshotResult
from tests.sharing import made_once

if TYPE_CHECKING:
    from tests.tiny_generation_run import TinyGenerationRun

NAMES = [
    "ann",
    "bo",
    "cleo",
    "dan",
    "eve",
    "finn",
    "gus",
    "hana",
    "ivo",
    "jule",
    "kai",
    "lena",
    "mo",
    "nils",
    "olga",
    "pia",
]
THINGS = ["milk", "bread", "eggs", "rice", "tea", "salt", "soap", "beans", "apples", "corn"]
TINY_INIT = InitConfig(layers=3, width=64, heads=4, ffn_width=96, vocabulary=512, context=96)
TINY_TUNING = GenerationFineTuneConfig(
    epochs=8, learning_rate=5e-3, embedding_learning_rate=1e-2, tokens_per_step=512, max_length=64
)


def call_rows(count: int, seed: int) -> list[Row]:
    """Requests of two kinds, whose calls copy their words."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        name, thing, number = chance.choice(NAMES), chance.choice(THINGS), chance.randrange(2, 60)
        if chance.random() < 0.5:
            text, call = f"please tell {name} to bring {thing}", {"function": "tell", "to": name, "what": thing}
        else:
            text, call = f"{thing} for {name}, {number} of it", {"function": "buy", "what": thing, "count": number}
        rows.append(Row(text, json.dumps(call, separators=(",", ":")), str(call["function"])))
    return rows


def snapshot_of(folder: Path, rows: dict[str, list[Row]]) -> Artifact[SnapshotResult]:
    """A sealed snapshot of these rows by split; a split that is left out is empty."""
    folder.mkdir()
    for split in SPLITS:
        write_row_file(split_file(folder, split), rows.get(split, []))
    result = SnapshotResult(
        rows={split: len(rows.get(split, [])) for split in SPLITS},
        out_of_scope_rows={},
        labels=(),
        out_of_scope_label=None,
        slices=(),
        sources=(),
        quarantined=0,
        quarantine_reasons={},
        duplicates=0,
        contradicting=0,
        leaking_exact=0,
        leaking_near=0,
        content_digest="",
    )
    return Artifact.of("snapshot", folder, result)


def workspace_in(folder: Path, progress=None) -> Workspace:
    """A fresh workspace, with its folders."""
    for name in ("out", "scratch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Workspace(folder / "out", folder / "scratch", **({"progress": progress} if progress else {}))


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Artifact[SnapshotResult]:
    """600 rows to train on, 100 to tune with."""
    rows = {"train": call_rows(600, 1), "tune": call_rows(100, 2)}
    return made_once(tmp_path_factory, "calls", lambda folder: snapshot_of(folder / "snapshot", rows))


@pytest.fixture(scope="session")
def caller(
    calls: Artifact[SnapshotResult], tmp_path_factory: pytest.TempPathFactory
) -> Artifact[GenerationFineTuneResult]:
    """A decoder of three narrow layers, trained from nothing on the calls."""

    def train(folder: Path) -> Artifact[GenerationFineTuneResult]:
        workspace = workspace_in(folder)
        result = fine_tune(calls, start=TINY_INIT, config=TINY_TUNING, seed=0, workspace=workspace)
        return Artifact.of("fine-tune", workspace.out, result)

    return made_once(tmp_path_factory, "caller", train)


@pytest.fixture(scope="session")
def tiny_generation_run(tmp_path_factory: pytest.TempPathFactory) -> "TinyGenerationRun":
    """Two tiny decoders taken through every step."""
    from tests.tiny_generation_run import TinyGenerationRun

    return made_once(tmp_path_factory, "tiny-generation-run", TinyGenerationRun.run)
