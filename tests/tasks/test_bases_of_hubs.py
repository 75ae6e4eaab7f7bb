"""Base models as hubs have them: each is opened whole, on the record, or refused in one line that says the way out."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.base_models.base_model import resolve_base_model
from tasks.base_models.tokenizer import write_base_tokenizer
from tasks.errors import UserError
from tests.tiny_bases import alter_json, alter_weights, write_decoder, write_encoder


def opened(folder: Path) -> tuple[Any, list[str]]:
    """As fine-tuning opens it, by the family of its architecture, and what was told."""
    from tasks.families.classification.encoder.base_encoder import open_encoder
    from tasks.families.generation.training.model_files import SUPPORTED, open_base, open_tokenizer

    found = resolve_base_model(str(folder), recipe_folder=folder.parent).folder
    told: list[str] = []
    if json.loads((found / "config.json").read_text(encoding="utf-8")).get("model_type") in SUPPORTED:
        return open_base(found, open_tokenizer(found), 16, tell=told.append), told
    tokenizer = folder.parent / "written.json"
    write_base_tokenizer(found, tokenizer, 16, tell=told.append)
    return open_encoder(found, tokenizer, 16, tell=told.append), told


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as raised:
        opened(folder)
    message = str(raised.value)
    assert "\n" not in message
    assert "base_model" in message
    return message


both = pytest.mark.parametrize("write", [write_encoder, write_decoder])
Write = Callable[..., Path]


@both
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_of_two_bytes_are_trained_in_four(write: Write, dtype: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    folder = write(tmp_path / "base")
    auto = AutoModel if write is write_encoder else AutoModelForCausalLM
    auto.from_pretrained(folder).to(getattr(torch, dtype)).save_pretrained(folder)
    model, told = opened(folder)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert told == []


@both
def test_weights_in_several_files_are_one_model(write: Write, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoModelForCausalLM

    folder = write(tmp_path / "base")
    whole, _ = opened(folder)
    auto = AutoModel if write is write_encoder else AutoModelForCausalLM
    model = auto.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    sharded, told = opened(folder)
    assert told == []
    for name, value in whole.state_dict().items():
        assert np.array_equal(sharded.state_dict()[name].numpy(), value.numpy())


@both
def test_the_layout_of_a_hubs_cache_is_read_through_its_links(write: Write, tmp_path: Path) -> None:
    blobs = write(tmp_path / "blobs")
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
    assert opened(snapshot)[1] == []


@both
def test_a_pickle_beside_the_weights_is_not_read(write: Write, tmp_path: Path) -> None:
    folder = write(tmp_path / "base")
    (folder / "pytorch_model.bin").write_bytes(b"no pickle at all")
    assert opened(folder)[1] == []


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.Q4_K_M.gguf", "tf_model.h5"])
def test_weights_in_another_format_alone_name_the_way_out(name: str, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "base")
    (folder / "model.safetensors").rename(folder / name)
    assert f"no *.safetensors weights in this folder; a base model needs both; {name} is not read" in refused(folder)


@both
@pytest.mark.parametrize("kept", [1000, -10, 4, 0])
def test_weights_that_are_cut_off_are_refused_before_anything(write: Write, kept: int, tmp_path: Path) -> None:
    folder = write(tmp_path / "base")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"model\.safetensors: base_model: .*copy or download it again"):
        resolve_base_model(str(folder), recipe_folder=tmp_path)


@both
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_pointer_of_git_lfs_is_refused(write: Write, name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "base")
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", encoding="utf-8")
    assert f"{name}: base_model: this is a pointer of Git LFS" in refused(folder)


def test_a_peft_adapter_is_no_base(tmp_path: Path) -> None:
    folder = write_decoder(tmp_path / "base")
    alter_json(folder / "adapter_config.json", peft_type="LORA", base_model_name_or_path="someone/model")
    assert "PEFT adapter" in refused(folder)


def test_an_adapter_that_was_not_merged_is_named(tmp_path: Path) -> None:
    folder = write_decoder(tmp_path / "base")
    alter_weights(
        folder,
        lambda weights: {
            "base_model.model." + name.replace("q_proj.weight", "q_proj.base_layer.weight"): value
            for name, value in weights.items()
        },
    )
    assert "PEFT adapter in it; merge that" in refused(folder)


def test_an_old_layout_of_sentence_transformers_names_the_folder_below(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    write_encoder(folder / "0_Transformer")
    (folder / "modules.json").write_text("[]", encoding="utf-8")
    assert "sentence-transformers keeps it in the folder 0_Transformer: name that" in refused(folder)


def test_a_classifier_of_other_labels_is_a_base(tmp_path: Path) -> None:
    from transformers import AutoConfig, BertForSequenceClassification

    folder = write_encoder(tmp_path / "base")
    config = AutoConfig.from_pretrained(folder, num_labels=7, problem_type="multi_label_classification")
    BertForSequenceClassification(config).save_pretrained(folder)
    model, told = opened(folder)
    assert told == []
    assert type(model).__name__ == "BertModel"


def test_code_of_its_own_is_not_run_on_the_record(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "base")
    alter_json(folder / "config.json", auto_map={"AutoModel": "modeling_own.OwnModel"})
    (folder / "modeling_own.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    assert any("auto_map" in remark for remark in opened(folder)[1])
    alter_json(folder / "config.json", model_type="own", auto_map={"AutoConfig": "modeling_own.OwnConfig"})
    assert "config.json cannot be used" in refused(folder)


@pytest.mark.parametrize(
    ("model_type", "words"), [("t5", "'t5' is not supported"), ("gpt2", "'gpt2' is not supported")]
)
def test_another_architecture_names_those_that_are_supported(model_type: str, words: str, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "base")
    alter_json(folder / "config.json", model_type=model_type)
    assert words in refused(folder)


def test_a_head_that_is_tied_and_saved_as_something_else_is_refused(tmp_path: Path) -> None:
    folder = write_decoder(tmp_path / "base", tie_word_embeddings=True)
    assert opened(folder)[1] == []
    alter_weights(folder, lambda weights: weights | {"lm_head.weight": weights["model.embed_tokens.weight"]})
    assert opened(folder)[1] == []
    alter_weights(folder, lambda weights: weights | {"lm_head.weight": weights["lm_head.weight"] + 1})
    assert "saved and differ" in refused(folder)


def test_a_quantized_base_is_refused(tmp_path: Path) -> None:
    folder = write_decoder(tmp_path / "base")
    alter_json(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 32})
    assert "quantized (gptq)" in refused(folder)


def test_a_special_token_without_an_id_gets_one_and_an_embedding(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "base")
    alter_json(folder / "tokenizer_config.json", tokenizer_class="BertTokenizerFast", additional_special_tokens=["<u>"])
    (remark,) = opened(folder)[1]
    assert "1 tokens were added" in remark
    assert "'<u>'" in remark


def test_a_decoder_without_an_end_token_is_refused_and_one_without_padding_is_not(tmp_path: Path) -> None:
    folder = write_decoder(tmp_path / "base", pad_token_id=None)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    assert opened(folder)[1] == []
    del config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "no end token" in refused(folder)


@both
def test_a_configuration_that_is_no_json_is_one_line(write: Write, tmp_path: Path) -> None:
    folder = write(tmp_path / "base")
    (folder / "config.json").write_text('{"model_type": "bert",', encoding="utf-8")
    with pytest.raises((UserError, ValueError)) as raised:
        opened(folder)
    assert "\n" not in str(raised.value)


@both
def test_a_field_of_the_configuration_of_the_wrong_kind_is_one_line(write: Write, tmp_path: Path) -> None:
    folder = write(tmp_path / "base")
    alter_json(folder / "config.json", num_hidden_layers="two")
    refused(folder)


def test_several_weights_of_one_model_are_refused(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "base")
    shutil.copyfile(folder / "model.safetensors", folder / "model.fp16.safetensors")
    assert "several weights files" in refused(folder)
