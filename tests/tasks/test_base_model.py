"""A base model is identified by all that is read of it, and its weights may lie in one file or in several."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tasks.base_models.base_model import BaseModelFiles, resolve_base_model
from tasks.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    save_file({"weight": np.zeros(2, dtype=np.float32)}, folder / "model.safetensors")
    return folder


def resolved(folder: Path) -> BaseModelFiles:
    return resolve_base_model("./base", recipe_folder=folder.parent)


@pytest.mark.parametrize(
    "file", ["config.json", "tokenizer.json", "chat_template.jinja", "tokenizer_config.json", "vocab.txt"]
)
def test_every_file_that_is_read_is_part_of_the_cache_key(folder: Path, file: str) -> None:
    before = resolved(folder)
    (folder / file).write_text('{"other": 1}')
    after = resolved(folder)
    assert after.cache_key() != before.cache_key()
    assert after.digest == before.digest


def test_what_is_not_read_is_no_part_of_it(folder: Path) -> None:
    before = resolved(folder).cache_key()
    (folder / "README.md").write_text("news")
    assert resolved(folder).cache_key() == before


def test_other_weights_are_another_model(folder: Path) -> None:
    before = resolved(folder)
    save_file({"weight": np.ones(2, dtype=np.float32)}, folder / "model.safetensors")
    after = resolved(folder)
    assert (after.digest != before.digest, after.cache_key() != before.cache_key()) == (True, True)


def test_a_chat_template_in_a_file_of_its_own_is_fetched_from_the_hub(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(_hub_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        assert revision is None
        asked.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    resolve_base_model("owner/name", recipe_folder=folder.parent)
    assert "*.jinja" in asked


def sharded(folder: Path, *names: str) -> None:
    (folder / "model.safetensors").unlink()
    for name in names:
        save_file({name: np.zeros(2, dtype=np.float32)}, folder / name)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def test_weights_in_several_files_with_their_index_are_one_model(folder: Path) -> None:
    sharded(folder, *SHARDS)
    before = resolved(folder)
    save_file({"b": np.ones(2, dtype=np.float32)}, folder / SHARDS[1])
    assert resolved(folder).digest != before.digest


def test_missing_and_surplus_weights_are_named(folder: Path) -> None:
    sharded(folder, SHARDS[0])
    with pytest.raises(UserError, match=r"weights are missing: model-00002-of-00002\.safetensors"):
        resolved(folder)
    sharded_and_whole = (*SHARDS, "model.safetensors")
    for name in sharded_and_whole:
        save_file({"weight": np.zeros(2, dtype=np.float32)}, folder / name)
    with pytest.raises(UserError, match=r"does not name: model\.safetensors; keep one kind"):
        resolved(folder)


def test_several_weights_without_an_index_are_refused(folder: Path) -> None:
    save_file({"weight": np.zeros(2, dtype=np.float32)}, folder / "consolidated.safetensors")
    with pytest.raises(UserError, match=r"several weights files \(consolidated\.safetensors, model\.safetensors\)"):
        resolved(folder)


@pytest.mark.parametrize("index", ["[", "[]", "{}", '{"weight_map": 3}'])
def test_a_broken_index_is_one_line(folder: Path, index: str) -> None:
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UserError, match="not an index of weights"):
        resolved(folder)
