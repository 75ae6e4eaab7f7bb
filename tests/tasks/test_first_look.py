"""What is wrong with the data is said after a look at their beginning, before any server starts."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tasks.data import first_look
from tasks.data.first_look import look_at
from tasks.data.sources import Role, Source
from tasks.errors import UserError
from tasks.recipe.data import DataConfig

CONFIG = DataConfig(train=("train.jsonl",), out_of_scope_label="oos")


def source(folder: Path, role: Role, rows: Iterable[object]) -> Source:
    file = folder / f"{role}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Source.of(role, file.name, file, "jsonl")


def rows(count: int, **more: object) -> list[dict[str, object]]:
    return [{"text": f"row {n}", "label": f"label {n % 3}"} | more for n in range(count)]


def test_good_rows_are_nothing_to_speak_of(tmp_path: Path) -> None:
    look_at(CONFIG, [source(tmp_path, "train", rows(50)), source(tmp_path, "test", rows(5, label="oos"))])


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
        (rows(10, label="OOS"), rows(3), r"no row has the label .oos., but .OOS. is there"),
    ],
)
def test_what_is_wrong_is_one_error(tmp_path: Path, train: list[object], test: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        look_at(CONFIG, [source(tmp_path, "train", train), source(tmp_path, "test", test)])


def test_of_a_long_file_the_beginning_is_judged_and_no_share_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MOST_ROWS", 10)
    half = [*rows(5), *rows(5, text=None), *rows(300)]
    look_at(CONFIG, [source(tmp_path, "train", half), source(tmp_path, "test", rows(3, label="later"))])
    with pytest.raises(UserError, match="10 of 10 train rows"):
        look_at(CONFIG, [source(tmp_path, "train", [*rows(10, text=None), *rows(300)])])
