"""Rows that would settle what was left open are counted as they would be judged by: by slice, each once, in both families."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows.following import landed_since, result_of
from flows.home import Home
from flows.inbox.landing import land, read_by
from flows.inbox.rows import Columns
from registry.checks import Outcome
from registry.inbox import progress_of
from registry.missing import MissingRows
from tasks.artifact import Artifact, Workspace
from tasks.data.landed import split_of
from tasks.data.rows import Row
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import resolve_sources
from tasks.families.load_recipe import load_recipe
from tasks.recipe import Recipe
from tasks.records import SnapshotResult
from tests.flows.outcomes import outcome_of

WORDS = [f"word{number}" for number in range(400)]
CLASSES = """\
name: m
task: text-classification
data: {train: train.jsonl, slice_column: domain, out_of_scope_label: oos}
base_model: base
targets: [local-cpu]
"""
COMPLETIONS = """\
name: m
task: text-generation
data: {train: train.jsonl, slice_column: domain}
init: {}
targets: [local-cpu]
"""


def rows(recipe: str, count: int, seed: int, domain: str) -> list[dict[str, str]]:
    chance = Random(f"{seed}/{domain}")
    names = ("text", "label") if recipe is CLASSES else ("prompt", "completion")
    made = []
    for number in range(count):
        answer = ("pay", "send")[number % 2] if recipe is CLASSES else f"pay({seed}, {number})"
        made.append(dict(zip(names, (" ".join(chance.sample(WORDS, 8)), answer), strict=True)) | {"domain": domain})
    return made


def write(file: Path, lines: list[dict[str, str]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return file


def snapshot(folder: Path, recipe: Recipe) -> Artifact[SnapshotResult]:
    sources = resolve_sources(recipe.data, recipe_file=folder / "recipe.yaml", home=folder / "home")
    out = folder / "out"
    out.mkdir()
    result = take_snapshot(recipe.data, sources=sources, seed=recipe.seed, workspace=Workspace(out, out))
    return Artifact.of("snapshot", out, result)


def expected(recipe: Recipe, landed: list[dict[str, str]]) -> Counter[Any]:
    values = [Row(*row.values()) for row in landed]  # type: ignore[arg-type]
    return Counter(row.slice for row in values if split_of(row, recipe.data.shares, seed=recipe.seed) == "gate")


@pytest.mark.parametrize("text", [CLASSES, COMPLETIONS], ids=["classes", "completions"])
def test_only_new_rows_that_would_be_judged_by_count_and_each_once(text: str, tmp_path: Path) -> None:
    own = [*rows(text, 120, 0, "bank"), *rows(text, 120, 0, "shop")]
    write(tmp_path / "train.jsonl", own)
    (tmp_path / "recipe.yaml").write_text(text, "utf-8")
    recipe, home = load_recipe(tmp_path / "recipe.yaml").recipe, Home(tmp_path / "home")
    read_by(home, "m", Columns.of(recipe.data))
    judged_by = snapshot(tmp_path, recipe)
    assert landed_since(home, recipe, judged_by) == Counter()
    fresh = [*rows(text, 60, 1, "bank"), *rows(text, 30, 1, "shop")]
    land(home, "m", [write(tmp_path / "a.jsonl", [*fresh, *own[:50]])])
    land(home, "m", [write(tmp_path / "b.jsonl", [*fresh[::-1], *own[50:80]])])
    found: Counter[Any] = Counter()
    for (part, _), count in landed_since(home, recipe, judged_by).items():
        found[part] += count
    assert found == expected(recipe, fresh)
    assert set(found) == {"bank", "shop"}
    missing = MissingRows(slice="bank", have=10, needed=10 + found["bank"])
    progress = progress_of(missing, landed_since(home, recipe, judged_by), judged_share=recipe.data.shares.gate)
    assert (progress.complete, progress.to_land) == (True, 0)


def test_the_same_run_is_told_from_another_by_its_evidence(evidence, judged) -> None:
    verdict = judged(evidence)
    one, again = result_of(outcome_of(evidence, verdict)), result_of(outcome_of(evidence, verdict))
    assert one == again
    assert one.verdict is Outcome.PASS
    other = evidence.model_copy(update={"bundle_digest": "0" * 64})
    assert result_of(outcome_of(other, verdict)).evidence != one.evidence
