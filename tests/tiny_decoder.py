"""Tiny Llamas and their tokenizer, exported once for all tests: weights by chance, but decided in what they say."""

from dataclasses import dataclass
from pathlib import Path

from tasks.generation.building import DecoderBuild, build_decoders
from tasks.generation.precision import FP32, DecoderPrecision

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

    from tasks.generation.train_tokenizer import END, PAD, REQUEST, train_tokenizer

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
