"""A configuration that no model can be built from is one line, whatever an architecture's code ends in: in both families."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import UserError
from tests.tasks.test_pretrained import Opened, families
from tests.tiny_bases import alter_json


@families
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_attention_heads", 0),
        ("num_hidden_layers", 1.5),
        ("num_hidden_layers", None),
        ("vocab_size", 0),
        ("hidden_size", "64"),
        ("max_position_embeddings", True),
        ("initializer_range", "x"),
        ("initializer_range", -1.0),
        ("attention_dropout", "x"),
        ("attention_dropout", 7),
    ],
)
def test_a_number_that_no_model_can_be_built_from_is_named(
    write: Callable[..., Path], opened: Callable[..., Opened], field: str, value: object, tmp_path: Path
) -> None:
    folder = write(tmp_path)
    alter_json(folder / "config.json", **{field: value})
    with pytest.raises(UserError, match=rf"base_model: config\.json cannot be used: .*({field}|{value})"):
        opened(folder)


@families
@pytest.mark.parametrize(
    "fields",
    [
        {"hidden_act": 7},
        {"hidden_act": "wave"},
    ],
)
def test_what_the_architectures_own_code_ends_in_is_one_line(
    write: Callable[..., Path], opened: Callable[..., Opened], fields: dict[str, object], tmp_path: Path
) -> None:
    folder = write(tmp_path)
    alter_json(folder / "config.json", **fields)
    with pytest.raises(UserError, match=r"base_model: (the weights cannot be opened|the base model cannot be run)"):
        opened(folder)


@families
@pytest.mark.parametrize("padding", [-1, 10**6])
def test_a_padding_id_that_is_no_token_is_as_good_as_none(
    write: Callable[..., Path], opened: Callable[..., Opened], padding: int, tmp_path: Path
) -> None:
    folder = write(tmp_path)
    alter_json(folder / "config.json", pad_token_id=padding)
    model, _ = opened(folder)
    assert model.config.pad_token_id is None


@families
def test_a_configuration_that_is_no_object_is_refused(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    folder = write(tmp_path)
    (folder / "config.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(UserError, match=r"base_model: config\.json cannot be used"):
        opened(folder)
