"""What decoders are kept in: every precision is judged against its own model in fp32, and what is named is there."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.generation.decoder import Decoder
from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact
from tasks.data.rows import Row
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.kinds import FP16, FP32, INT8, tried_first
from tasks.families.generation.precision.trial import TIMED_ROWS, timed_rows
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.quantize import select_decoder
from tasks.families.generation.recipe_sections import GenerationQuantizeConfig
from tasks.families.generation.records import DecoderExport, GenerationFineTuneResult
from tasks.recipe.target import Target
from tasks.records import CompressionResult
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, PROMPTS, SUFFIX, TinyDecoders
from tests.without_clock import with_times

HERE = Target(name="here")
GPU = Target(name="gpu", execution_provider="CUDAExecutionProvider")
NO_OTHER_LIMITS = {"max_perplexity_increase": None, "min_agreement": None}


def selected(
    decoders: TinyDecoders, root: Path, config: GenerationQuantizeConfig, target: Target = HERE
) -> Artifact[CompressionResult]:
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
        target=target,
        workspace=workspace,
    )
    return Artifact.of("quantize", workspace.out, result)


@pytest.fixture(scope="module")
def chosen(tiny_decoders: TinyDecoders, tmp_path_factory: pytest.TempPathFactory) -> Artifact[CompressionResult]:
    config = GenerationQuantizeConfig(candidates=(INT8,), **NO_OTHER_LIMITS)
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
            assert technique.stays or not (technique.speedup.low > 1 and technique.test.p_value <= 0.05)
            assert not technique.kept or (technique.speedup.low > 1 and technique.test.p_value <= 0.05)
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
        kept = {technique.name for technique in result.techniques if technique.stays}
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

    with_times(monkeypatch, means.__getitem__)
    config = GenerationQuantizeConfig(candidates=(INT8,), max_accuracy_loss=0.9, **NO_OTHER_LIMITS)
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


def take(patch: pytest.MonkeyPatch, milliseconds: Mapping[str, float], other: float) -> None:
    """Times by the name of the contender, drafted or not, in the screening as in the trial."""
    with_times(patch, lambda name: milliseconds.get(name.removesuffix(", drafted"), other))


@pytest.mark.slow
class TestSearch:
    """Where no candidates are named; time is made up, all else is real."""

    def searched(
        self, decoders: TinyDecoders, root: Path, monkeypatch, own_ms: float, over_int8: float = 0.5, **limits: object
    ):
        """Settings of int4 take as long as int8, and have to be `over_int8` times as fast."""
        monkeypatch.setattr("tasks.families.generation.precision.screening.CLEARLY_FASTER", over_int8)
        take(monkeypatch, {"own": own_ms, "parent": 8.0, "fp32": 8.0, INT8.name: 6.0}, 2.0)
        return selected(decoders, root, GenerationQuantizeConfig.model_validate(limits)).result

    def test_a_fast_end_that_is_not_faster_is_all_that_is_tried(self, tiny_decoders, tmp_path, monkeypatch) -> None:
        result = self.searched(tiny_decoders, tmp_path, monkeypatch, 9.0)
        assert [entry.name for entry in result.screened] == ["int4-block64-level4", "small int4-block64-level4"]
        for entry in result.screened:
            assert not entry.taken
            assert "no gain (serving 0.89x, needs 1.00x" in entry.reason
        assert not [technique for technique in result.techniques if "int4" in technique.name]

    def test_a_fast_end_that_keeps_the_limits_goes_to_the_full_trial_which_has_the_last_word(
        self, tiny_decoders, tmp_path, monkeypatch
    ) -> None:
        result = self.searched(tiny_decoders, tmp_path, monkeypatch, 2.0, max_accuracy_loss=0.99, **NO_OTHER_LIMITS)
        assert [(entry.name, entry.taken) for entry in result.screened] == [
            ("int4-block64-level4", True),
            ("small int4-block64-level4", True),
        ]
        techniques = {technique.name: technique for technique in result.techniques}
        full = techniques["int4-block64-level4"]
        assert full.speedup.value == 4
        assert full.kept == (full.test.p_value <= 0.05)
        assert (result.segments[-1] == "full") == any(
            technique.kept for technique in techniques.values() if technique.parent == "fp32"
        )

    def test_what_misses_a_limit_is_refined_and_all_of_it_is_on_record(
        self, tiny_decoders, tmp_path, monkeypatch
    ) -> None:
        limits = NO_OTHER_LIMITS | {"max_accuracy_loss": 0.99, "max_perplexity_increase": 1e-9}
        result = self.searched(tiny_decoders, tmp_path, monkeypatch, 2.0, search={"builds": 4}, **limits)
        own = [entry for entry in result.screened if entry.parent == "fp32"]
        assert 1 < len(own) <= 4
        assert own[0].name == "int4-block64-level4"
        assert len({entry.name for entry in own}) == len(own)
        for entry in own:
            assert entry.figures is not None
            assert entry.taken == (entry.figures.perplexity <= entry.figures.parent_perplexity * (1 + 1e-9))
            assert entry.taken or "perplexity +" in entry.reason

    def test_a_fast_end_no_faster_than_an_int8_that_keeps_the_limits_is_all_that_is_tried(
        self, tiny_decoders, tmp_path, monkeypatch
    ) -> None:
        limits = NO_OTHER_LIMITS | {"max_accuracy_loss": 0.99, "over_int8": 1.15}
        result = self.searched(tiny_decoders, tmp_path, monkeypatch, 2.0, **limits)
        assert len(result.screened) == 2
        for entry in result.screened:
            assert entry.reason.startswith("no gain (serving 4.00x, needs 4.60x")

    def test_without_builds_there_is_no_int4(self, tiny_decoders, tmp_path, monkeypatch) -> None:
        result = self.searched(tiny_decoders, tmp_path, monkeypatch, 2.0, search={"builds": 0})
        assert result.screened == ()
        assert {name.removeprefix("static-").removeprefix("small ") for name in names_of(result)} == {INT8.name}


@pytest.mark.slow
class TestCuda:
    """The graphs are those of a GPU; ONNX Runtime's CPU kernels run them, too."""

    @pytest.fixture
    def on_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened = GreedyDecoder.open.__func__
        monkeypatch.setattr(
            GreedyDecoder,
            "open",
            classmethod(lambda cls, folder, settings, target, *rest: opened(cls, folder, settings, HERE, *rest)),
        )

    def test_fp16_is_tried_first_and_is_what_the_others_have_to_be_faster_than(
        self, tiny_decoders, tmp_path, monkeypatch, on_cpu
    ) -> None:
        assert tried_first(GPU) == (FP16, INT8)
        assert tried_first(HERE) == (INT8,)
        take(monkeypatch, {"fp32": 1.0, "fp16": 4.0, INT8.name: 5.0}, 9.0)
        config = GenerationQuantizeConfig.model_validate({"search": {"builds": 0}, "max_accuracy_loss": 0.9})
        chosen = selected(tiny_decoders, tmp_path, config, GPU)
        techniques = {technique.name: technique for technique in chosen.result.techniques}
        assert next(iter(techniques)) == "fp16"
        assert (techniques["fp16"].parent, techniques[INT8.name].parent) == ("fp32", "fp16")
        assert techniques["fp16"].kept, "fp32 is faster on the CPU, but cannot serve on the target"
        assert not techniques[INT8.name].kept
        assert "not measured faster than its parent (0.80x)" in techniques[INT8.name].reason
        assert techniques["fp16"].agreement > 0.9
        assert chosen.result.segments == ("small", "full")
        assert chosen.result.static_precision == "static-fp16"
        assert_all_named_are_there(chosen)
        assert "float16" in inputs_of(chosen.folder / "full")
        assert "float16" not in inputs_of(chosen.folder / "reference")

    def test_what_is_faster_than_fp16_serves_in_its_place(self, tiny_decoders, tmp_path, monkeypatch, on_cpu) -> None:
        take(monkeypatch, {"fp32": 1.0, "fp16": 4.0, INT8.name: 2.0}, 2.0)
        limits = NO_OTHER_LIMITS | {"max_accuracy_loss": 0.9, "search": {"builds": 0}}
        result = selected(tiny_decoders, tmp_path, GenerationQuantizeConfig.model_validate(limits), GPU).result
        assert result.static_precision == f"static-{INT8.name}"
        assert result.precision == INT8.name

    def test_the_search_has_no_levels_and_is_of_graphs_for_the_gpu(
        self, tiny_decoders, tmp_path, monkeypatch, on_cpu
    ) -> None:
        take(monkeypatch, {"own": 2.0, "parent": 8.0, "fp32": 1.0, "fp16": 8.0}, 2.0)
        limits = NO_OTHER_LIMITS | {"max_accuracy_loss": 0.99, "max_perplexity_increase": 1e-9}
        result = selected(tiny_decoders, tmp_path, GenerationQuantizeConfig.model_validate(limits), GPU).result
        assert len(result.screened) > 2
        assert {entry.parent for entry in result.screened} == {"fp16", "small fp16"}
        assert not [entry for entry in result.screened if "level1" in entry.name]


def test_only_rows_that_all_answer_alike_are_timed() -> None:
    def answering(texts: list[str]) -> Any:
        return SimpleNamespace(texts=texts)

    same = [str(row) for row in range(200)]
    other = [text if row % 3 else "more and more" for row, text in enumerate(same)]
    numbers = timed_rows([answering(same), answering(other)])
    assert 0 < len(numbers) <= TIMED_ROWS
    assert all(number % 3 for number in numbers)
    nothing = [f"{text}!" for text in same]
    assert list(timed_rows([answering(same), answering(nothing)])) == list(timed_rows([answering(same)]))


def names_of(result: CompressionResult) -> list[str]:
    return [technique.name for technique in result.techniques]


def inputs_of(folder: Path) -> str:
    return " ".join(value.type for value in Decoder(folder).session.get_inputs())
