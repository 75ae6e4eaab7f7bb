"""A full and a small decoder taken through every step of text generation once, without any training.

The full one has layers that do nothing, so that it is slow; the small one is the same without them, its weights disturbed a
little, so that it is sometimes wrong. The gold completions are what the full one answers, but for a few.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.artifact import Artifact
from tasks.data.rows import Row
from tasks.recipe.target import Target
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, SUFFIX, write_tiny_llama
from tests.without_clock import without_clock

if TYPE_CHECKING:
    from tasks.families.generation.roles import TrainedModel
    from tasks.records import CompressionResult, RouterResult, SnapshotResult

HERE = Target(name="here")
MAX_NEW_TOKENS = 6
IDLE_LAYERS = 10
DISTURBANCE = 0.0002
ROWS = {"train": 100, "tune": 300, "certify": 600, "gate": 200}
WRONG_GOLD = 0.03
COMMON = {"correct": "exact", "max_new_tokens": MAX_NEW_TOKENS, "target": HERE}


@dataclass(frozen=True)
class TinyGenerationRun:
    """The artifacts of all steps."""

    snapshot: "Artifact[SnapshotResult]"
    models: "dict[str, TrainedModel]"
    compression: "Artifact[CompressionResult]"
    router: "Artifact[RouterResult]"

    @classmethod
    def run(cls, root: Path) -> "TinyGenerationRun":
        """Run the steps in order."""
        from engine.generation.prompts import GenerationSettings
        from tasks.families.generation.calibrate import calibrate_generation
        from tasks.families.generation.decoder_precision import DecoderPrecision
        from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
        from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores
        from tasks.families.generation.precision.kinds import FP32
        from tasks.families.generation.prompt_format import PromptFormat
        from tasks.families.generation.quantize import select_decoder
        from tasks.families.generation.recipe_sections import GenerationQuantizeConfig
        from tasks.families.generation.records import DecoderExport, GenerationFineTuneResult
        from tasks.recipe.bundled import BundledRecipe
        from tasks.recipe.data import PromptDataConfig
        from tasks.recipe.schema import RouterConfig

        folders = write_models(root)
        exported = {name: root / f"{name}-export" / "decoder" for name in folders}
        build_decoders(
            [DecoderBuild(folder, FP32, exported[name]) for name, folder in folders.items()], scratch=root / "build"
        )
        full = GreedyDecoder.open(exported["full"], GenerationSettings(PREFIX, SUFFIX, MAX_NEW_TOKENS), HERE)
        snapshot = snapshot_of(
            root / "snapshot",
            {
                split: on_all_cores(lambda prompt: answered(full, prompt), prompts(count, seed))
                for seed, (split, count) in enumerate(ROWS.items())
            },
        )
        tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX))
        models: dict[str, TrainedModel] = {name: Artifact(name, folder, "", tuned) for name, folder in folders.items()}
        export = DecoderExport(folder="decoder", precision=FP32, parity=(), size_mb=1.0)
        exports = {name: Artifact(name, folder.parent, "", export) for name, folder in exported.items()}
        work = workspace_in(root / "quantize")
        config = GenerationQuantizeConfig(candidates=(DecoderPrecision(weights="int8"),), max_accuracy_loss=0.05)
        compressed = select_decoder(snapshot, models, exports, config=config, confidence=0.95, workspace=work, **COMMON)
        compression = Artifact.of("quantize", work.out, compressed)
        work = workspace_in(root / "calibrate")
        promise = RouterConfig(max_accuracy_loss=0.04, operating_points=(0.02, 0.08))
        kept = BundledRecipe.of(promise, PromptDataConfig(train=("train.jsonl",)))
        with pytest.MonkeyPatch.context() as patch:
            without_clock(patch, drafts=False)
            result = calibrate_generation(
                snapshot, compression, models, name="tiny-calls", recipe=kept, attempt=1, workspace=work, **COMMON
            )
        return cls(snapshot, models, compression, Artifact.of("calibrate", work.out, result))


def prompts(count: int, seed: int) -> list[str]:
    """Distinct ones within a split."""
    chance = random.Random(seed)
    words = "order cancel find red shoes train tickets coffee for Ada Grace Hopper Zoë 1 25 300"
    return [" ".join(chance.choices(words.split(), k=chance.randint(4, 9))) + f" {number}" for number in range(count)]


def answered(full, prompt: str) -> Row:
    """A row whose gold completion is mostly the full model's answer; the slice is its first word."""
    right = random.Random(prompt).random() >= WRONG_GOLD
    return Row(prompt, full.text(full.answer(full.prompt(prompt))) if right else "no", prompt.split()[0])


def write_models(root: Path) -> dict[str, Path]:
    """Transformers folders of the full and the small model."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaForCausalLM

    small = write_tiny_llama(root / "small", layers=2, seed=5)
    base = AutoModelForCausalLM.from_pretrained(small)
    config = base.config.__class__.from_dict({**base.config.to_dict(), "num_hidden_layers": 2 + IDLE_LAYERS})
    full = LlamaForCausalLM(config)
    full.load_state_dict(base.state_dict(), strict=False)
    with torch.no_grad():
        for layer in full.model.layers[2:]:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        torch.manual_seed(0)
        for weight in base.parameters():
            weight += DISTURBANCE * torch.randn_like(weight)
    base.save_pretrained(small)
    write_tiny_llama(root / "full", layers=1, seed=5)  # for its tokenizer
    full.save_pretrained(root / "full")
    return {"full": root / "full", "small": small}
