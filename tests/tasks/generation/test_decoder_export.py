"""Exported decoders answer as PyTorch does, also where a head has to be padded."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.generation.decoder import Decoder
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuild, DecoderBuildError, build_decoders, decoder_size_mb
from tasks.families.generation.decoders.head_padding import pad_heads
from tasks.families.generation.export import PARITY_POSITIONS, check_long_row, check_parity, export_decoder
from tasks.families.generation.precision.kinds import FP32
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.records import GenerationFineTuneResult
from tasks.graphs.parity import ParityError
from tests.tasks.generation.conftest import snapshot_of
from tests.tiny_decoder import PREFIX, SUFFIX, TEXTS, TinyDecoders

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
    with pytest.raises(DecoderBuildError, match=r"failed on .*broken in fp32: "):
        build_decoders([DecoderBuild(broken, FP32, tmp_path / "out")], scratch=tmp_path / "scratch")


@pytest.mark.slow
def test_the_step_exports_what_was_trained_and_records_its_parity(tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    rows = [Row(text.split(" {")[0], "{" + text.split(" {", 1)[1]) for text in TEXTS]
    snapshot = snapshot_of(tmp_path / "snapshot", {"tune": rows})
    workspace = Workspace(out=tmp_path / "out", scratch=tmp_path / "scratch")
    workspace.out.mkdir()
    tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX))
    model = Artifact("fine-tune", tiny_decoders.full_model, "0" * 64, tuned)
    result = export_decoder(snapshot, model, workspace=workspace)
    assert result.precision == FP32
    assert [check.graph for check in result.parity] == ["model.onnx", "decoder.onnx", "decoder.onnx after 128 tokens"]
    assert all(check.rows >= PARITY_POSITIONS for check in result.parity[:2])
    assert all(check.max_abs_difference <= 1e-3 for check in result.parity)
    assert result.size_mb == decoder_size_mb(workspace.out / result.folder)
    assert (workspace.out / result.folder / "tokenizer.json").is_file()


@pytest.fixture(scope="module")
def story() -> list[int]:
    """What the pretrained model tells, greedily: the start token and at least 64 more."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(STORIES).eval()
    return network.generate(torch.tensor([[1]]), do_sample=False, min_new_tokens=96, max_new_tokens=96)[0].tolist()


@pytest.mark.slow
@pytest.mark.skipif(not STORIES.is_dir(), reason="shared/data/stories260k is not here")
def test_a_pretrained_llama_is_exported_within_1e_3_and_int4_tells_nearly_its_story(
    story: list[int], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    precisions = {"fp32": FP32, "int4": DecoderPrecision(weights="int4")}
    builds = [DecoderBuild(STORIES, precision, tmp_path / name) for name, precision in precisions.items()]
    build_decoders(builds, scratch=tmp_path / "scratch")
    built, served = check_parity(STORIES, tmp_path / "fp32", [story])
    assert built.rows >= PARITY_POSITIONS
    assert max(built.max_abs_difference, served.max_abs_difference) <= 1e-3
    perplexities = {name: perplexity(Decoder(tmp_path / name), story) for name in precisions}
    for name, value in perplexities.items():
        record_property(f"perplexity of {name}", round(value, 4))
    assert 1 < perplexities["fp32"] < perplexities["int4"] < 1.5 * perplexities["fp32"], perplexities


def perplexity(decoder: Decoder, tokens: list[int]) -> float:
    with decoder.request(tokens, 0) as (state, _):
        rows = state.read(tokens[:-1], 0, len(tokens) - 1)
    return float(np.exp(-rows[np.arange(len(tokens) - 1), tokens[1:]].mean()))


def test_a_row_as_long_as_the_context_is_answered_as_pytorch_does(tiny_decoders: TinyDecoders) -> None:
    check = check_long_row(tiny_decoders.full_model, tiny_decoders.full, [ids(40)])
    assert check.graph == "decoder.onnx after 128 tokens"
    assert check.rows == PARITY_POSITIONS
    with pytest.raises(ParityError, match="after 128 tokens differs from pytorch"):
        check_long_row(tiny_decoders.full_model, tiny_decoders.small, [ids(40)])
