"""What is wrong with the data is said after a look at them, before any server starts, and is what the snapshot would say."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from tasks.artifact import Workspace
from tasks.data import first_look
from tasks.data.first_look import look_at
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import Role, Source, resolve_sources
from tasks.errors import UserError
from tasks.recipe.data import AnyData, DataConfig

CONFIG = DataConfig(train=("train.jsonl",), out_of_scope_label="oos", near_duplicate_similarity=1.0)
Rows = Sequence[Mapping[str, object]]


def source(folder: Path, role: Role, rows: Iterable[object]) -> Source:
    file = folder / f"{role}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Source.of(role, file.name, file, "jsonl")


def rows(count: int, **more: object) -> list[dict[str, object]]:
    return [{"text": f"row {n}", "label": f"label {n % 3}"} | more for n in range(count)]


def test_good_rows_are_nothing_to_speak_of(tmp_path: Path) -> None:
    judged = [{"text": f"one of test {n}", "label": ("oos", "label 1")[n % 2]} for n in range(5)]
    found = look_at(CONFIG, [source(tmp_path, "train", rows(200)), source(tmp_path, "test", judged)], seed=0)
    assert found is not None
    assert found > 0


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            [{"text": "a", "intent": "b"}],
            rows(3),
            r"train.jsonl: has no column .label.; its columns are .text., .intent.",
        ),
        (rows(10, text=5), rows(3), r"10 of 10 train rows \(100.0%\) cannot be used"),
        ([*rows(9), {"text": "", "label": "a"}], rows(3), r"1 of 10 train rows"),
        (rows(10), rows(3, label="another"), r"unknown label .another. in test data"),
        ([*rows(10), *rows(3, label="OOS")], rows(3), r"no row has the label .oos., but .OOS. is there"),
    ],
)
def test_what_is_wrong_is_one_error(tmp_path: Path, train: list[object], test: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        look_at(CONFIG, [source(tmp_path, "train", train), source(tmp_path, "test", test)], seed=0)


def test_of_a_long_file_the_beginning_is_judged_and_no_share_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MOST_ROWS", 10)
    half = [*rows(5), *rows(5, text=None), *rows(300)]
    look_at(CONFIG, [source(tmp_path, "train", half), source(tmp_path, "test", rows(3, label="later"))], seed=0)
    with pytest.raises(UserError, match="10 of 10 train rows"):
        look_at(CONFIG, [source(tmp_path, "train", [*rows(10, text=None), *rows(300)])], seed=0)


WORDS = ("cards", "loans", "rates", "limits", "fees", "branches", "tellers", "cheques", "notes", "coins")


def distinct_rows(count: int) -> list[dict[str, object]]:
    return [
        {"text": f"{WORDS[n % 10]} {WORDS[n // 10 % 10]} {WORDS[n // 100]} {n}", "label": f"l{n % 4}"}
        for n in range(count)
    ]


def named(folder: Path, **rows: Rows) -> tuple[DataConfig, tuple[Source, ...]]:
    for role, of_role in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in of_role)
        (folder / f"{role}.jsonl").write_text(text, encoding="utf-8")
    config = DataConfig.model_validate({role: f"{role}.jsonl" for role in rows})
    return config, resolve_sources(config, recipe_file=folder / "recipe.yaml", home=folder)


def snapshot(folder: Path, config: AnyData, sources: tuple[Source, ...]) -> int:
    workspace = Workspace(folder / "out", folder / "scratch")
    workspace.out.mkdir()
    return take_snapshot(config, sources=sources, seed=3, workspace=workspace).rows["certify"]


def test_it_counts_the_certify_rows_that_the_snapshot_will_have(tmp_path: Path) -> None:
    rows = distinct_rows(400)
    config, sources = named(tmp_path, train=[*rows, *rows[:30]], test=distinct_rows(600)[380:])
    found = look_at(config, sources, seed=3)
    assert found is not None
    assert 0 < found < 400
    assert found == snapshot(tmp_path, config, sources)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"train": [{"text": f"text {n}", "label": "same"} for n in range(50)]}, "only 'same'"),
        ({"train": [*distinct_rows(50), {"text": "rare", "label": "lone"}]}, "label 'lone' has 1 training row"),
        (
            {"train": [{"sentence": f"text {n}", "label": n % 2} for n in range(50)]},
            "has no column 'text'; its columns are",
        ),
        ({"train": distinct_rows(50), "test": [{"text": "one", "label": "unheard"}]}, "unknown label 'unheard'"),
        ({"train": distinct_rows(8)}, "are left for the split"),
    ],
)
def test_it_says_what_the_snapshot_says(tmp_path: Path, rows: Mapping[str, Rows], said: str) -> None:
    config, sources = named(tmp_path, **rows)
    with pytest.raises(UserError, match=said) as looked:
        look_at(config, sources, seed=3)
    with pytest.raises(UserError) as taken:
        snapshot(tmp_path, config, sources)
    assert str(looked.value) == str(taken.value)


def test_many_rows_are_parted_by_the_snapshot_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "MOST_PARTED", 10)
    config, sources = named(tmp_path, train=distinct_rows(99))
    assert look_at(config, sources, seed=3) is None
    config, sources = named(tmp_path, train=[*distinct_rows(99), {"text": "rare", "label": "lone"}])
    with pytest.raises(UserError, match="'lone'"):
        look_at(config, sources, seed=3)
