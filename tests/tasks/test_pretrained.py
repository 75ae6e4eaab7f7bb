"""Every tensor of a base model has its place before anything is trained, or it is one clear error, in both families."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.base_models.pretrained import common_prefix
from tasks.errors import UserError
from tests.tiny_bases import add_tokens, alter_json, alter_weights, write_decoder, write_encoder

Opened = tuple[Any, list[str]]
LENGTH = 32


def open_encoder(folder: Path, max_length: int = LENGTH) -> Opened:
    from tasks.families.classification.encoder.base_encoder import open_encoder as opened

    told: list[str] = []
    return opened(folder, folder / "tokenizer.json", max_length, tell=told.append), told


def open_decoder(folder: Path, max_length: int = LENGTH) -> Opened:
    from tasks.families.generation.training.model_files import open_base, open_tokenizer

    told: list[str] = []
    return open_base(folder, open_tokenizer(folder), max_length, tell=told.append), told


FAMILIES = [
    pytest.param(write_encoder, open_encoder, id="encoder"),
    pytest.param(write_decoder, open_decoder, id="decoder"),
]
families = pytest.mark.parametrize(("write", "opened"), FAMILIES)


@families
def test_a_whole_base_model_gives_no_cause_for_remarks(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    assert opened(write(tmp_path))[1] == []


@families
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "base_model.model.", "module._orig_mod."])
def test_a_wrappers_prefix_is_taken_off_on_the_record(
    write: Callable[..., Path], opened: Callable[..., Opened], prefix: str, tmp_path: Path
) -> None:
    whole, _ = opened(write(tmp_path))
    alter_weights(tmp_path, lambda weights: {prefix + name: value for name, value in weights.items()})
    found, told = opened(tmp_path)
    assert told == [f"the base model's tensors carry the prefix '{prefix}' of a wrapper, which was taken off"]
    for name, value in whole.state_dict().items():
        assert np.array_equal(found.state_dict()[name].numpy(), value.numpy())


def test_a_wrappers_prefix_is_taken_off_where_the_head_is_the_embeddings(tmp_path: Path) -> None:
    write_decoder(tmp_path, tie_word_embeddings=True)
    whole, _ = open_decoder(tmp_path)
    alter_weights(tmp_path, lambda weights: {f"base_model.model.{name}": value for name, value in weights.items()})
    found, told = open_decoder(tmp_path)
    assert len(told) == 1
    assert np.array_equal(found.lm_head.weight.detach().numpy(), whole.lm_head.weight.detach().numpy())


def test_a_wrappers_prefix_before_the_architectures_own_is_taken_off(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    alter_weights(
        tmp_path,
        lambda weights: {
            **{f"module.bert.{name}": value for name, value in weights.items()},
            "module.classifier.weight": np.zeros((3, 16), dtype=np.float32),
        },
    )
    assert len(open_encoder(tmp_path)[1]) == 2  # the classifier's name is not a head's without its prefix


@families
def test_an_unknown_prefix_is_refused_and_named(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    write(tmp_path)
    alter_weights(tmp_path, lambda weights: {f"student.{name}": value for name, value in weights.items()})
    with pytest.raises(
        UserError, match=r"base_model: .*tensors of the model are missing \(.*left over \(student\..*'student\.'"
    ):
        opened(tmp_path)


@families
def test_missing_tensors_are_refused_and_named(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    write(tmp_path)
    gone = next(name for name in _names(tmp_path) if "layer" in name and name.endswith(".weight"))
    alter_weights(tmp_path, lambda weights: {name: value for name, value in weights.items() if name != gone})
    with pytest.raises(UserError, match=f"1 tensors of the model are missing .{gone}.*random numbers"):
        opened(tmp_path)


@families
def test_tensors_of_the_models_own_modules_that_have_no_place_are_refused(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    write(tmp_path)
    one = next(name for name in _names(tmp_path) if "layers.1." in name or "layer.1." in name)
    alter_weights(tmp_path, lambda weights: weights | {one.replace(".1.", ".2."): weights[one]})
    with pytest.raises(UserError, match=r"own modules have no place.*\.2\."):
        opened(tmp_path)


@families
def test_tensors_of_another_shape_are_named(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    write(tmp_path)
    one = next(name for name in _names(tmp_path) if name.endswith("embeddings.weight") or "embed_tokens" in name)
    alter_weights(tmp_path, lambda weights: weights | {one: weights[one][:7]})
    with pytest.raises(UserError, match=r"another shape than config\.json gives them, the first .*\(7, "):
        opened(tmp_path)


@families
def test_weights_that_are_not_finite_are_named(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    write(tmp_path)
    one = next(name for name in _names(tmp_path) if "layer" in name)

    def broken(weights: dict[str, Any]) -> dict[str, Any]:
        value = weights[one].copy()
        value.flat[0] = np.nan
        return weights | {one: value}

    alter_weights(tmp_path, broken)
    with pytest.raises(UserError, match=f"{one}: 1 of .* numbers are not finite"):
        opened(tmp_path)


def test_usual_heads_are_left_out_without_a_word_and_unusual_ones_with_one(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    head = np.zeros((3, 16), dtype=np.float32)
    alter_weights(tmp_path, lambda weights: weights | {"classifier.weight": head, "cls.predictions.bias": head[0]})
    assert open_encoder(tmp_path)[1] == []
    alter_weights(tmp_path, lambda weights: weights | {"projection.weight": head})
    assert open_encoder(tmp_path)[1] == [
        "1 tensors of the base model have no place here and were left out: projection.weight"
    ]


@families
def test_added_tokens_get_embeddings_on_the_record(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    before, _ = opened(write(tmp_path))
    add_tokens(tmp_path, "iban", "bic")
    model, told = opened(tmp_path)
    assert len(told) == 1
    assert "2 tokens were added" in told[0]
    assert "'iban', 'bic'" in told[0]
    for find in ("get_input_embeddings", "get_output_embeddings"):
        if getattr(before, find)() is None:
            continue
        old, new = (getattr(each, find)().weight.detach().numpy() for each in (before, model))
        assert len(new) == len(old) + 2
        assert np.array_equal(new[: len(old)], old)
        assert np.allclose(new[len(old) :], old.mean(axis=0), atol=1e-6)
    assert model.config.vocab_size == len(model.get_input_embeddings().weight)


@families
def test_a_padded_vocabulary_stays_as_it_is(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    model, told = opened(write(tmp_path, vocab_size=512))
    assert told == []
    assert model.config.vocab_size == 512


@families
def test_the_tokenizer_of_another_model_is_refused(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"tokens beyond the model's 20 embeddings .* another model's"):
        opened(write(tmp_path, vocab_size=20))


@pytest.mark.parametrize(("padding", "most"), [(3, 28), (1, 30)])
def test_the_most_tokens_that_work_are_found_by_running(padding: int, most: int, tmp_path: Path) -> None:
    write_encoder(tmp_path, "roberta", pad_token_id=padding, type_vocab_size=1)
    assert open_encoder(tmp_path, most)[1] == []
    with pytest.raises(UserError, match=rf"fine_tune\.max_length: {most + 1} tokens.*rows of at most {most}"):
        open_encoder(tmp_path, most + 1)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert"])
def test_every_supported_architecture_answers_as_its_own_class(kind: str, tmp_path: Path) -> None:
    write_encoder(tmp_path, kind)
    assert open_encoder(tmp_path, 16)[1] == []


@pytest.mark.parametrize("setting", [{"is_decoder": True}, {"position_embedding_type": "relative_key"}])
def test_a_setting_that_makes_it_compute_something_else_is_refused_or_kept(
    setting: dict[str, object], tmp_path: Path
) -> None:
    """What the encoder's own class computes otherwise must not be trained as something else."""
    write_encoder(tmp_path, **setting)
    if "is_decoder" in setting:
        with pytest.raises(UserError, match="its own class answers otherwise"):
            open_encoder(tmp_path, 16)
    else:
        assert open_encoder(tmp_path, 16)[1] == []


@families
def test_an_architecture_of_the_other_family_is_refused(
    write: Callable[..., Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    other = write_decoder if write is write_encoder else write_encoder
    other(tmp_path)
    alter_json(tmp_path / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", eos_token="[SEP]")
    with pytest.raises(UserError, match="support"):
        opened(tmp_path)


def test_a_prefix_explains_all_missing_names_or_none() -> None:
    assert common_prefix(["a.x.w", "a.x.b", "c"], ["x.w", "x.b"]) == "a."
    assert common_prefix(["a.x.w", "c"], ["x.w", "x.b"]) == ""
    assert common_prefix(["ax.w"], ["x.w"]) == ""


def _names(folder: Path) -> list[str]:
    from tasks.base_models.weight_files import weight_shapes

    return sorted(weight_shapes(folder))
