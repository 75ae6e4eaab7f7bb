"""What the longest row takes away from longer ones is counted before any training, against a count by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import resolve_base_model
from tasks.data.rows import Row
from tasks.families.classification.check_rows import check_rows, count_cut, cut_sentence
from tasks.families.classification.records import CutRows
from tests.tasks.generation.conftest import snapshot_of
from tests.tiny_bases import alter_json, write_encoder

MAX_LENGTH = 8
FORM = "a b c d e f g "


def snapshot(folder: Path, rows: dict[str, list[Row]]) -> Artifact:
    return snapshot_of(folder, {split: [] for split in ("train", "tune", "certify", "gate")} | rows)


def checked(tmp_path: Path, rows: dict[str, list[Row]], **config: object) -> tuple[CutRows, list[str]]:
    base = write_encoder(tmp_path / "base")
    alter_json(base / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", **config)
    remarks: list[str] = []
    work = tmp_path / "work"
    work.mkdir()
    found = check_rows(
        snapshot(tmp_path / "snapshot", rows),
        base=resolve_base_model(str(base), recipe_folder=tmp_path),
        max_length=MAX_LENGTH,
        workspace=Workspace(work, work, remark=remarks.append),
    )
    return found, remarks


ROWS = {
    "train": [Row(FORM + "x", "one"), Row(FORM + "y", "two"), Row("a b", "one")],
    "tune": [Row(FORM + "z", "one")],
    "gate": [Row("b " * 9, "two"), Row("c", "one")],
}


def test_rows_that_are_cut_and_become_equal_are_counted(tmp_path: Path) -> None:
    found, remarks = checked(tmp_path, ROWS)
    assert found.rows == {"train": 3, "tune": 1, "certify": 0, "gate": 2}
    assert found.cut == {"train": 2, "tune": 1, "certify": 0, "gate": 1}
    assert (found.equal, found.contradicting, found.enough) == (3, 3, 11)
    assert remarks == [
        "warning: 4 of 6 rows (66.7%; 2 train, 1 tune, 1 gate) have more than fine_tune.max_length = 8 tokens and are cut; "
        "3 of them then read as another row does, 3 as one of another label; 11 tokens would do for 99% of the rows"
    ]
    assert CutRows.model_validate(json.loads(found.model_dump_json())) == found


def test_the_side_that_is_cut_is_the_bases_own(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, ROWS, truncation_side="left")
    assert sum(found.cut.values()) == 4
    assert (found.equal, found.contradicting) == (0, 0)


def test_rows_that_fit_give_no_cause_for_remarks(tmp_path: Path) -> None:
    found, remarks = checked(tmp_path, {"train": [Row("a b", "one"), Row("A B", "two")]})
    assert (sum(found.cut.values()), found.equal, remarks) == (0, 0, [])


@pytest.mark.parametrize("seed", range(5))
def test_the_count_equals_one_by_pairs(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = {
        split: [Row(f"{split} {number}", str(chance.integers(2))) for number in range(12)]
        for split in ("train", "gate")
    }
    whole = [chance.integers(0, 2, chance.integers(1, 7)) for _ in range(24)]
    seen = [ids[:3] for ids in whole]
    found = count_cut(rows, [len(ids) for ids in whole], seen, 3)
    labels = [row.label for own in rows.values() for row in own]
    equal = [
        [other for other in range(24) if other != row and seen[other].tolist() == seen[row].tolist()]
        for row in range(24)
    ]
    is_cut = [len(ids) > 3 for ids in whole]
    assert found.cut == {"train": sum(is_cut[:12]), "gate": sum(is_cut[12:])}
    assert found.equal == sum(cut and bool(others) for cut, others in zip(is_cut, equal, strict=True))
    assert found.contradicting == sum(
        is_cut[row] and any(labels[other] != labels[row] for other in equal[row]) for row in range(24)
    )


def test_few_cut_rows_are_no_warning() -> None:
    counted = CutRows(max_length=8, rows={"train": 100}, cut={"train": 5}, equal=0, contradicting=0, enough=9)
    assert cut_sentence(counted).startswith("5 of 100 rows (5.0%; 5 train)")
    assert cut_sentence(counted.model_copy(update={"cut": {"train": 6}})).startswith("warning: 6 of 100 rows")
