"""Tiny Llamas and their tokenizer, exported once for all tests: weights by chance, but decided in what they say."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
from tasks.families.generation.precision.kinds import FP32

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PREFIX, SUFFIX = "<|request|> ", "<|call|>"
TEXTS = tuple(
    f'{verb} {amount} {what} for {name} {{"function":"{verb}","arguments":{{"what":"{what}","name":"{name}"}}}}'
    for verb in ("order", "cancel", "find")
    for amount in (1, 25, 300)
    for what in ("red shoes", "train tickets", "coffee")
    for name in ("Ada", "Grace Hopper", "Zoë")
)
PROMPTS = tuple(text.split(" {")[0] for text in TEXTS)


@dataclass(frozen=True)
class TinyDecoders:
    """Transformers folders and their exported decoders: a small model, a full one, and one with heads of 8."""

    small_model: Path
    full_model: Path
    narrow_model: Path
    small: Path
    full: Path
    narrow: Path
    quantized: tuple[Path, ...]
    """The full one in other precisions."""


QUANTIZED = (
    DecoderPrecision(weights="int8"),
    DecoderPrecision(weights="int4"),
    DecoderPrecision(weights="int4", head="int8", method="k_quant", block_size=16),
)


def make_tiny_decoders(root: Path) -> TinyDecoders:
    """Write and export them all."""
    names = ("small-model", "full-model", "narrow-model", "small", "full", "narrow")
    made = TinyDecoders(*(root / name for name in names), tuple(root / precision.name for precision in QUANTIZED))
    write_tiny_llama(made.small_model, layers=1, seed=1)
    write_tiny_llama(made.full_model, layers=2, seed=2)
    write_tiny_llama(made.narrow_model, layers=1, seed=3, head_size=8)
    builds = [
        DecoderBuild(made.small_model, FP32, made.small),
        DecoderBuild(made.full_model, FP32, made.full),
        DecoderBuild(made.narrow_model, FP32, made.narrow),
        *(DecoderBuild(made.full_model, p, out) for p, out in zip(QUANTIZED, made.quantized, strict=True)),
    ]
    build_decoders(builds, scratch=root / "scratch")
    return made


def write_tiny_llama(folder: Path, *, layers: int, seed: int, head_size: int = 16) -> Path:
    """A Llama of width 4 x `head_size` with weights by chance, large enough that its first choice is no near tie."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tasks.families.generation.rows.train_tokenizer import END, PAD, REQUEST, train_tokenizer

    tokenizer = train_tokenizer(TEXTS, 360, 128)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=4 * head_size,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=128,
        initializer_range=0.35,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
        bos_token_id=tokenizer.convert_tokens_to_ids(REQUEST),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_tiny_generation_bundle(made: TinyDecoders, folder: Path, *, unsure: bool = False) -> Path:
    """A bundle of the small and the full model; `unsure`: as if no answer of theirs were no near tie.

    Operating points: `half` stops at the small model for about half of PROMPTS, `abort` gives half of them up after four
    tokens, `draft` only drafts with it, `full` runs the full one alone.
    """
    from statistics import median

    from engine.generation.confidence import FEATURES, features, first_doubt
    from engine.generation.decoder import Decoder
    from engine.generation.decoding import decode
    from engine.generation.prompts import GenerationSettings, PromptTokenizer
    from engine.generation.router import GenerationRouter, OperatingPoint, PathRule, Step
    from tasks.data.rows import Row
    from tasks.families.generation.prompt_format import PromptFormat
    from tasks.families.generation.routing.bundling import GenerationContents, GoldenPrompts, write_generation_bundle
    from tasks.families.generation.routing.phrases import learn_phrases
    from tasks.families.generation.rows.examples import to_examples
    from tasks.recipe.target import Target

    settings = GenerationSettings(PREFIX, SUFFIX, max_new_tokens=24)
    prompts = PromptTokenizer(made.small / "tokenizer.json", settings)
    decoder = Decoder(made.small)
    means, doubts = [], []
    for prompt in PROMPTS:
        ids = prompts.encode(prompt)
        with decoder.request(ids, 24) as (state, past):
            *_, answer = decode(state, ids, end_ids=decoder.end_ids, max_new_tokens=24, past=past)
        read = features(answer.log_probabilities, ended=answer.ended, valid=True)
        means.append(read[FEATURES.index("mean")])
        doubts.append(first_doubt(answer.log_probabilities, 4))
    only_mean = tuple(float(name == "mean") for name in FEATURES)
    full = Step("full")
    points = (
        OperatingPoint("half", 0.01, (Step("small", stop=median(means)), full)),
        OperatingPoint("abort", 0.01, (Step("small", stop=-100.0, abort=median(doubts)), full)),
        OperatingPoint("draft", 0.0, (Step("small"), full)),
        OperatingPoint("full", 0.0, (full,)),
    )
    router = GenerationRouter(
        (PathRule("small", 1.0, only_mean, draft_tokens=4), PathRule("full", 3.0, draft_tokens=4)),
        {point.name: point for point in points},
        "half",
    )
    rows = [Row(text.split(" {")[0], "{" + text.split(" {", 1)[1]) for text in TEXTS]
    contents = GenerationContents(
        decoders={"small": made.small, "full": made.full},
        tokenizer=made.full / "tokenizer.json",
        settings=settings,
        router=router,
        phrases=learn_phrases(
            to_examples(rows, fast_tokenizer(made.full_model), PromptFormat(prefix=PREFIX, suffix=SUFFIX))
        ),
        certificates=(),
        reference_digest="0" * 64,
    )
    write_generation_bundle(
        folder,
        "tiny-calls",
        contents,
        GoldenPrompts((), PROMPTS[:6]) if unsure else GoldenPrompts(PROMPTS[:6]),
        Target(name="local-cpu"),
    )
    return folder


def fast_tokenizer(model: Path) -> "PreTrainedTokenizerFast":
    """The tokenizer of a transformers folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)
