"""A generation bundle of two paths, calibrated by the pipeline's own step without any clock, and fresh rows to recalibrate it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact
from tasks.data.rows import Row
from tasks.families.generation.precision.kinds import FP32
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import PromptDataConfig
from tasks.recipe.schema import RouterConfig
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, SUFFIX
from tests.tiny_generation_run import HERE, MAX_NEW_TOKENS, answered, prompts, write_models
from tests.without_clock import without_clock

PROMISE = RouterConfig(max_accuracy_loss=0.04, operating_points=(0.08,))
DATA = PromptDataConfig(train=("train.jsonl",), near_duplicate_similarity=1.0)
KEPT = BundledRecipe.of(PROMISE, DATA)
SETTINGS = GenerationSettings(PREFIX, SUFFIX, MAX_NEW_TOKENS)


@dataclass(frozen=True)
class CalibratedGenerator:
    """A calibrated bundle, what it was made of, and about 400 fresh rows in two splits."""

    bundle: Path
    reference: Path
    small: Path
    calibrated_on: dict[str, list[Row]]
    tune: list[Row]
    certify: list[Row]


def calibrated_generator(root: Path) -> CalibratedGenerator:
    """`small` and `reference` in a bundle."""
    from tasks.families.generation.calibrate import calibrate_generation
    from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
    from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores
    from tasks.families.generation.prompt_format import PromptFormat
    from tasks.families.generation.records import GenerationFineTuneResult
    from tasks.recalibrate import part_rows
    from tasks.records import CompressionResult

    folders = write_models(root)
    quantized = root / "quantize" / "out"
    names = {"full": "reference", "small": "small"}
    builds = [DecoderBuild(folder, FP32, quantized / names[name]) for name, folder in folders.items()]
    build_decoders(builds, scratch=root / "build")
    full = GreedyDecoder.open(quantized / "reference", SETTINGS, HERE)

    def rows(count: int, seed: int) -> list[Row]:
        return on_all_cores(lambda prompt: answered(full, prompt), prompts(count, seed))

    splits = {"train": rows(60, 1), "tune": rows(150, 2), "certify": rows(250, 3)}
    tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX))
    compressed = CompressionResult.model_construct(
        segments=("small", "reference"), static_monolith="reference", reference_monolith="reference"
    )
    work = workspace_in(root / "calibrate")
    with pytest.MonkeyPatch.context() as patch:
        without_clock(patch)
        calibrate_generation(
            snapshot_of(root / "snapshot", splits),
            Artifact("quantize", quantized, "", compressed),
            {"full": Artifact("fine-tune", folders["full"], "", tuned)},
            name="tiny-calls",
            recipe=KEPT,
            correct="exact",
            max_new_tokens=MAX_NEW_TOKENS,
            target=HERE,
            attempt=1,
            workspace=work,
        )
    fresh = [row for row in rows(440, 77) if row.label.strip() and "\0" not in row.label]  # such as files may hold
    tune, certify = part_rows(fresh, KEPT, seed=0)
    return CalibratedGenerator(work.out / "bundle", quantized / "reference", quantized / "small", splits, tune, certify)


def bundle_of_one_path(decoder: Path, folder: Path, reference: Path) -> Path:
    """A bundle of one decoder, which has its folder's name."""
    from engine.bundle import TOKENIZER_FILE
    from engine.generation.router import GenerationRouter, OperatingPoint, PathRule, Step
    from tasks.certification.certify import reference_certificate
    from tasks.families.generation.routing.bundling import (
        GenerationContents,
        GoldenPrompts,
        decoder_digest,
        write_generation_bundle,
    )
    from tasks.families.generation.routing.phrases import learn_phrases

    name = decoder.name
    contents = GenerationContents(
        decoders={name: decoder},
        tokenizer=decoder / TOKENIZER_FILE,
        settings=SETTINGS,
        router=GenerationRouter((PathRule(name, 1.0),), {"4%": OperatingPoint("4%", 0.04, (Step(name),))}, "4%"),
        phrases=learn_phrases([]),
        certificates=[reference_certificate(250, 0.04, 0.95, name, 1.0)],
        reference_digest=decoder_digest(reference),
    )
    write_generation_bundle(folder, "tiny-calls", contents, GoldenPrompts(()), HERE)
    return folder
