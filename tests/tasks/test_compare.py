"""Both bundles answer the same gate rows, and answers are compared by the labels' names."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.digests import folder_digest
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import Row, write_row_file
from tasks.families.classification import compare
from tasks.families.classification.compare import compare_with_champion
from tasks.recipe import Target
from tasks.records import ChampionComparison, RouterResult, SnapshotResult

ROWS = [
    Row("lost card", "card"),
    Row("my pin", "pin"),
    Row("new pin", "pin"),
    Row("volcano", "oos"),
    Row("river", "oos"),
]
OURS = {"lost card": "card", "my pin": "pin", "new pin": "pin", "volcano": None, "river": "pin"}
# Trained before there was a label `pin`.
THEIRS = {"lost card": "card", "my pin": "card", "new pin": "card", "volcano": None, "river": None}


class Answers:
    """A model that looks its answers up."""

    def __init__(self, answers: dict[str, str | None]) -> None:
        self.answers = answers

    def predict(self, texts: list[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(label=self.answers[text], error=None) for text in texts]


def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChampionComparison:
    for folder, answers in (("router/bundle", OURS), ("champion", THEIRS)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    write_row_file(tmp_path / "gate.jsonl", ROWS)
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(
        compare, "load_bundle", lambda folder, _target: Answers(json.loads((folder / "answers.json").read_text()))
    )
    data = SnapshotResult.model_construct(labels=("card", "pin"), out_of_scope_label="oos")
    return compare_with_champion(
        Artifact("snapshot", tmp_path, "digest", data),
        Artifact("router", tmp_path / "router", "digest", RouterResult.model_construct()),
        tmp_path / "champion",
        name="model",
        version=4,
        confidence=0.95,
        target=Target(name="here"),
        workspace=Workspace(tmp_path / "out", tmp_path / "scratch"),
    )


def test_harms_are_rows_that_only_the_champion_answers_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = compared(tmp_path, monkeypatch)
    assert (result.test.n, result.test.harms, result.test.gains) == (5, 1, 2)
    assert result.test.loss == pytest.approx(-0.2)
    assert (result.accuracy.successes, result.champion_accuracy.successes) == (4, 3)


def test_the_record_names_both_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = compared(tmp_path, monkeypatch)
    assert result.uri == "models:/model/4"
    assert result.bundle_digest == folder_digest(tmp_path / "champion")
    assert result.challenger_digest == folder_digest(tmp_path / "router" / "bundle")


def test_rows_with_different_answers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(tmp_path, monkeypatch)
    lines = (tmp_path / "out" / "differences.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["my pin", "new pin", "river"]
    assert json.loads(lines[2]) == {"text": "river", "label": "oos", "champion": None, "new": "pin"}


@pytest.mark.slow
def test_a_bundle_is_neither_better_nor_worse_than_itself(tiny, tiny_bundle: Path, tmp_path: Path) -> None:
    result = compare_with_champion(
        tiny.snapshot,
        tiny.router,
        tiny_bundle,
        name="tiny",
        version=1,
        confidence=0.95,
        target=tiny.target,
        workspace=Workspace(tmp_path, tmp_path),
    )
    assert (result.test.harms, result.test.gains) == (0, 0)
    assert result.accuracy == result.champion_accuracy
    assert result.test.n == tiny.snapshot.result.rows["gate"]
    assert (tmp_path / "differences.jsonl").read_text(encoding="utf-8") == ""
