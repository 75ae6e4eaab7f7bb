"""Exported decoders answer as PyTorch does, also where a head has to be padded."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.generation.decoder import Decoder
from tasks.errors import UserError
from tasks.export import ParityError
from tasks.generation.building import DecoderBuild, DecoderBuildError, build_decoders, decoder_size_mb
from tasks.generation.export import PARITY_POSITIONS, check_parity
from tasks.generation.head_padding import pad_heads
from tasks.generation.precision import FP32
from tests.tiny_decoder import TinyDecoders

STORIES = Path(__file__).parents[4] / "shared" / "data" / "stories260k"


def ids(count: int, seed: int = 0, vocabulary: int = 300) -> list[int]:
    return np.random.default_rng(seed).integers(4, vocabulary, count).tolist()


def test_the_exported_logits_equal_pytorchs(tiny_decoders: TinyDecoders) -> None:
    parity = check_parity(tiny_decoders.full_model, tiny_decoders.full, [ids(PARITY_POSITIONS), ids(9, 1)])
    assert [check.parent for check in parity] == ["pytorch", "model.onnx"]
    for check in parity:
        assert check.rows == PARITY_POSITIONS + 9
        assert check.max_abs_difference <= 1e-3
        assert check.agreement == 1


def test_another_models_graph_is_a_parity_error(tiny_decoders: TinyDecoders) -> None:
    with pytest.raises(ParityError, match=r"model\.onnx differs from pytorch by"):
        check_parity(tiny_decoders.full_model, tiny_decoders.small, [ids(16)])


def test_heads_of_8_are_padded_and_answer_alike(tiny_decoders: TinyDecoders) -> None:
    built, served = check_parity(tiny_decoders.narrow_model, tiny_decoders.narrow, [ids(PARITY_POSITIONS)])
    assert max(built.max_abs_difference, served.max_abs_difference) <= 1e-3


def test_heads_that_fit_are_left_alone(tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    assert pad_heads(tiny_decoders.full_model, tmp_path / "padded") == tiny_decoders.full_model
    assert not (tmp_path / "padded").exists()


def test_heads_that_cannot_be_padded_exactly_are_refused(tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_decoders.narrow_model, model)
    config = model / "config.json"
    config.write_text(
        config.read_text(encoding="utf-8").replace('"rope_scaling": null', '"rope_scaling": {"type": "yarn"}')
    )
    with pytest.raises(
        UserError, match="no multiple of 16 and cannot be padded exactly: its rotary embedding is scaled"
    ):
        pad_heads(model, tmp_path / "padded")


def test_every_precision_loads_and_takes_less_room(tiny_decoders: TinyDecoders) -> None:
    assert len({folder.name for folder in tiny_decoders.quantized}) == len(tiny_decoders.quantized) == 3
    for folder in tiny_decoders.quantized:
        with Decoder(folder).request(ids(8), 0) as (state, _):
            rows = state.read(ids(8), 0, 8)
        assert np.allclose(np.exp(rows).sum(-1), 1, atol=1e-4)
        assert decoder_size_mb(folder) < decoder_size_mb(tiny_decoders.full)


@pytest.mark.slow
def test_a_folder_that_the_builder_cannot_read_says_so(tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_decoders.full_model, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(DecoderBuildError, match="failed with exit status 1 on"):
        build_decoders([DecoderBuild(broken, FP32, tmp_path / "out")], scratch=tmp_path / "scratch")


@pytest.mark.slow
@pytest.mark.skipif(not STORIES.is_dir(), reason="shared/data/stories260k is not here")
def test_a_pretrained_llama_is_exported_within_1e_3(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(STORIES).eval()
    story = network.generate(torch.tensor([[1]]), do_sample=False, min_new_tokens=64, max_new_tokens=64)[0].tolist()
    build_decoders([DecoderBuild(STORIES, FP32, tmp_path / "decoder")], scratch=tmp_path / "scratch")
    built, served = check_parity(STORIES, tmp_path / "decoder", [story])
    assert built.rows >= 64
    assert max(built.max_abs_difference, served.max_abs_difference) <= 1e-3
