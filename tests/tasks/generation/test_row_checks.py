"""Rows are looked at as the model will see them before anything is trained."""

import json
from pathlib import Path

import pytest

from tasks.artifact import Artifact
from tasks.base_models.base_model import resolve_base_model
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.families.generation.check_rows import check_rows
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.records import RowLengths
from tasks.families.generation.rows.row_lengths import require_room
from tasks.families.generation.rows.special_tokens import special_tokens_of
from tasks.families.generation.rows.train_tokenizer import SPECIAL
from tasks.families.generation.training.model_files import open_tokenizer
from tests.tasks.generation.conftest import TINY_INIT, call_rows, snapshot_of, workspace_in

ROWS = {"train": call_rows(300, 1), "tune": call_rows(40, 2), "certify": call_rows(40, 3), "gate": call_rows(40, 4)}


def recipe(**changes: object) -> TextGenerationRecipe:
    fields = {"name": "calls", "task": "text-generation", "data": {"train": "t.jsonl"}, "targets": ["local-cpu"]}
    return TextGenerationRecipe.model_validate(fields | {"init": {}} | changes)


def lengths(**changes: object) -> RowLengths:
    counted = {split: {10: 200} for split in ("tune", "certify", "gate")}
    measured = {"context": 512, "completions": counted, "beyond_context": {}, "train": {20: 1000}}
    return RowLengths.model_validate(measured | changes)


def test_lengths_are_those_of_the_tokens_of_each_split(caller: Artifact, tmp_path: Path) -> None:
    long = Row("please tell ann " + "again and " * 90, '{"function":"tell"}')
    snapshot = snapshot_of(tmp_path / "snapshot", ROWS | {"gate": [*ROWS["gate"], long]})
    start = resolve_base_model(str(caller.folder), recipe_folder=tmp_path)
    found = check_rows(snapshot, start=start, workspace=workspace_in(tmp_path / "work"))
    assert found.context == TINY_INIT.context
    tokenizer = open_tokenizer(caller.folder)
    wanted = sorted(len(tokenizer(row.label, add_special_tokens=False).input_ids) for row in ROWS["tune"])
    assert [length for length, rows in found.completions["tune"].items() for _ in range(rows)] == wanted
    assert found.beyond_context == {"tune": 0, "certify": 0, "gate": 1}
    assert sum(found.train.values()) == len(ROWS["train"])
    assert RowLengths.model_validate_json(found.model_dump_json()) == found


def test_a_model_from_nothing_is_measured_with_the_tokenizer_that_it_will_have(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path / "snapshot", ROWS)
    found = check_rows(snapshot, start=TINY_INIT, workspace=workspace_in(tmp_path / "work"))
    assert found.context == TINY_INIT.context
    assert {split: sum(counted.values()) for split, counted in found.completions.items()} == {
        split: len(ROWS[split]) for split in ("tune", "certify", "gate")
    }


@pytest.mark.parametrize("split", ["train", "tune", "certify", "gate"])
def test_a_special_token_in_any_split_is_found_before_training(split: str, tmp_path: Path) -> None:
    spoiled = [*ROWS[split], Row("tell ann to stop", "ok <|end|> then")]
    snapshot = snapshot_of(tmp_path / "snapshot", ROWS | {split: spoiled})
    with pytest.raises(
        UserError,
        match=rf"data: a completion of the split '{split}' spells out the special token <\|end\|>; take it out of 'ok <",
    ):
        check_rows(snapshot, start=TINY_INIT, workspace=workspace_in(tmp_path / "work"))


def test_completions_that_fit_need_no_words() -> None:
    assert require_room(lengths(), recipe()) == ()


@pytest.mark.parametrize("split", ["tune", "gate"])
def test_more_than_1_percent_too_long_is_an_error_that_names_what_would_do(split: str) -> None:
    counted = lengths().completions | {split: {10: 190, 97: 3, 120: 5, 300: 2}}
    with pytest.raises(
        UserError,
        match=rf"generation\.max_new_tokens: 96 tokens, but 5\.0% of the {split} rows' completions are longer, so that no "
        "path could say them; 120 would do for 99 % of them and 300 for all",
    ):
        require_room(lengths(completions=counted), recipe())
    assert len(require_room(lengths(completions=counted), recipe(generation={"max_new_tokens": 120}))) == 1


def test_fewer_are_told() -> None:
    counted = lengths().completions | {"tune": {10: 198, 97: 2}, "certify": {10: 100, 300: 100}}
    (note,) = require_room(lengths(completions=counted, beyond_context={"gate": 0}), recipe())
    assert note == (
        "rows that have a completion of more than generation.max_new_tokens = 96 tokens (the longest: 300): 2 tune, 100 certify"
    )
    (note,) = require_room(lengths(beyond_context={"tune": 1200, "gate": 3}), recipe())
    assert note.startswith("rows that are longer than the context of 512 tokens")
    assert note.endswith("1,200 tune, 3 gate")


def test_limits_beyond_a_base_models_positions_are_errors_and_defaults_are_not() -> None:
    base = {"init": None, "base_model": "owner/name"}
    with pytest.raises(UserError, match=r"generation\.max_new_tokens: 96 tokens, .* 64 positions"):
        require_room(lengths(context=64), recipe(**base))
    with pytest.raises(UserError, match=r"fine_tune\.max_length: 600 tokens, but the base model has 256 positions"):
        require_room(lengths(context=256), recipe(**base, fine_tune={"max_length": 600}))
    assert require_room(lengths(context=256), recipe(**base)) == ()


def test_a_configuration_without_positions_is_a_clear_error(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for file in caller.folder.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    config = json.loads((base / "config.json").read_text())
    del config["max_position_embeddings"]
    (base / "config.json").write_text(json.dumps(config))
    start = resolve_base_model(str(base), recipe_folder=tmp_path)
    with pytest.raises(UserError, match=r"config\.json: base_model: no max_position_embeddings here"):
        check_rows(calls, start=start, workspace=workspace_in(tmp_path / "work"))


def test_special_tokens_are_known_by_the_files_alone(caller: Artifact) -> None:
    assert set(special_tokens_of(caller.folder)) == set(SPECIAL)


def test_special_tokens_are_found_in_every_form_that_files_give_them(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "add_bos_token": True,
                "pad_token": None,
                "eos_token": {"content": "</s>", "lstrip": False},
                "added_tokens_decoder": {
                    "1": {"content": "<|im_end|>", "special": True},
                    "2": {"content": "<think>", "special": False},
                },
                "additional_special_tokens": ["<|a|>", {"content": "<|b|>"}],
            }
        )
    )
    assert special_tokens_of(tmp_path) == ("</s>", "<|a|>", "<|b|>", "<|im_end|>")
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match=r"tokenizer\.json: base_model: the tokenizer cannot be used"):
        special_tokens_of(tmp_path)


@pytest.mark.parametrize(("long", "warned"), [(0, None), (40, False), (60, True)])
def test_rows_too_long_to_train_on_are_counted_and_warned_about(long: int, warned: bool | None) -> None:
    measured = lengths(train={20: 1000 - long, 90: long})
    told = require_room(measured, recipe(fine_tune={"max_length": 64}, distil={"enabled": False}))
    if warned is None:
        assert told == ()
    else:
        (sentence,) = told
        assert (
            f"{long} of 1,000 train rows ({long / 1000:.1%}) have more tokens than fine_tune.max_length = 64"
            in sentence
        )
        assert "90 would do for 99 %" in sentence
        assert sentence.startswith("warning: ") == warned
