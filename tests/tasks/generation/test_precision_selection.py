"""What decoders are kept in: every precision is judged against its own model in fp32, and what is named is there."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact
from tasks.data.rows import Row
from tasks.generation.greedy import GreedyDecoder
from tasks.generation.precision import FP32, DecoderPrecision
from tasks.generation.prompt_format import PromptFormat
from tasks.generation.quantize import select_decoder
from tasks.generation.records import DecoderExport, GenerationFineTuneResult
from tasks.recipe.target import Target
from tasks.recipe.text_generation import GenerationQuantizeConfig
from tasks.records import CompressionResult
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, PROMPTS, SUFFIX, TinyDecoders

HERE = Target(name="here")
INT8 = DecoderPrecision(weights="int8")


def selected(decoders: TinyDecoders, root: Path, config: GenerationQuantizeConfig) -> Artifact[CompressionResult]:
    """Selected on rows whose gold completions are the full model's own answers."""
    full = GreedyDecoder.open(decoders.full, GenerationSettings(PREFIX, SUFFIX, 8), HERE)
    rows = [Row(prompt, full.text(full.answer(full.prompt(prompt)))) for prompt in PROMPTS]
    snapshot = snapshot_of(root / "snapshot", {"train": rows, "tune": rows})
    workspace = workspace_in(root)
    tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX))
    models = {"full": decoders.full_model, "small": decoders.small_model}
    exported = {"full": decoders.full, "small": decoders.small}
    result = select_decoder(
        snapshot,
        {name: Artifact(name, folder, "", tuned) for name, folder in models.items()},
        {name: Artifact(name, folder.parent, "", export_of(folder)) for name, folder in exported.items()},
        config=config,
        confidence=0.95,
        correct="exact",
        max_new_tokens=8,
        target=HERE,
        workspace=workspace,
    )
    return Artifact.of("quantize", workspace.out, result)


@pytest.fixture(scope="module")
def chosen(tiny_decoders: TinyDecoders, tmp_path_factory: pytest.TempPathFactory) -> Artifact[CompressionResult]:
    config = GenerationQuantizeConfig(candidates=(INT8,))
    return selected(tiny_decoders, tmp_path_factory.mktemp("selection"), config)


def export_of(folder: Path) -> DecoderExport:
    return DecoderExport(folder=folder.name, precision=FP32, parity=(), size_mb=1.0)


@pytest.mark.slow
class TestSelection:
    def test_each_precision_is_judged_against_its_own_model_in_fp32(self, chosen) -> None:
        techniques = {technique.name: technique for technique in chosen.result.techniques}
        assert set(techniques) - {f"static-{INT8.name}"} == {INT8.name, f"small {INT8.name}"}
        assert (techniques[INT8.name].parent, techniques[f"small {INT8.name}"].parent) == ("fp32", "small fp32")
        for technique in techniques.values():
            assert technique.kept == (technique.speedup.low > 1 and technique.test.p_value <= 0.05)
            assert technique.size_mb < technique.parent_size_mb

    def test_the_fp32_answers_are_right_where_they_are_the_gold_ones(self, chosen) -> None:
        technique = next(technique for technique in chosen.result.techniques if technique.name == INT8.name)
        assert technique.parent_accuracy == 1
        assert technique.agreement == pytest.approx(technique.accuracy)
        assert technique.perplexity is not None
        assert technique.parent_perplexity is not None

    def test_log_probabilities_are_compared_and_differ_a_little(self, chosen) -> None:
        for check in chosen.result.parity:
            assert 0 < check.max_abs_difference < 5

    def test_what_serves_was_kept_and_every_folder_that_is_named_is_there(self, chosen) -> None:
        result = chosen.result
        kept = {technique.name for technique in result.techniques if technique.kept}
        assert result.static_precision == "fp32" or result.static_precision in kept
        assert result.segments in {("small", "full"), ("small", "reference")}
        assert_all_named_are_there(chosen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gains", "serves", "static", "folder"),
    [
        pytest.param((1.5, 0.9), "reference", f"static-{INT8.name}", "static", id="faster without drafts alone"),
        pytest.param((1.5, 1.8), "full", f"static-{INT8.name}", "full", id="faster with drafts, too"),
        pytest.param((0.8, 1.3), "full", "fp32", "reference", id="faster with drafts alone"),
        pytest.param((0.8, 0.9), "reference", "fp32", "reference", id="slower"),
    ],
)
def test_the_static_model_is_the_fastest_without_drafts_whatever_serves(
    gains, serves, static, folder, tiny_decoders: TinyDecoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, drafted = gains
    means = {"fp32": 8.0, "fp32, drafted": 4.0, INT8.name: 8.0 / plain, f"{INT8.name}, drafted": 4.0 / drafted}

    def measured(runs: Mapping[str, object], *_: object) -> dict[str, NDArray[np.float64]]:
        return {name: np.full(7, means[name]) for name in runs}

    monkeypatch.setattr("tasks.generation.precision_trial.interleaved_means", measured)
    config = GenerationQuantizeConfig(candidates=(INT8,), max_accuracy_loss=0.9)
    chosen = selected(tiny_decoders, tmp_path, config)
    result = chosen.result
    assert result.segments == ("small", serves)
    assert (result.static_precision, result.static_monolith) == (static, folder)
    assert any(technique.name == static for technique in result.techniques) == (static != "fp32")
    assert_all_named_are_there(chosen)


def assert_all_named_are_there(chosen: Artifact[CompressionResult]) -> None:
    result = chosen.result
    named = {*result.segments, result.static_monolith, result.reference_monolith}
    assert {path.name for path in chosen.folder.iterdir()} == named
    for name in named:
        assert (chosen.folder / name / "decoder.onnx").is_file()
