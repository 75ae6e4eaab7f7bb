"""Tokenizers that split characters into bytes, each in its own way, and one that does not."""

from pathlib import Path
from typing import Final

from tokenizers import Tokenizer, decoders, models, normalizers

from engine.generation.prompts import GenerationSettings, PromptTokenizer
from engine.generation.token_bytes import BYTE_TOKENS
from tasks.families.generation.rows.train_tokenizer import train_tokenizer

SETTINGS: Final = GenerationSettings("", "", max_new_tokens=64)
_LETTERS: Final = '▁abcdefghijklmnopqrstuvwxyz0123456789"{}[]:,.\\日'
_WORDS: Final = ("▁a", '":', '{"')


def byte_fallback() -> Tokenizer:
    """As Llama 2 and its likes have it: `<0xF0>` and the like where a character is in no piece."""
    pieces = ["<unk>", "<s>", "</s>", *BYTE_TOKENS, *_LETTERS, *_WORDS]
    merges = [(word[0], word[1]) for word in _WORDS]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def byte_level() -> Tokenizer:
    """A project's own, with marks that only the decoder takes out."""
    texts = ['{"name":"Ada","what":"red shoes"}', '{"name":"日本","what":"a 😀 b"}'] * 3
    return train_tokenizer(texts, 330, 128).backend_tokenizer


def whole_words() -> Tokenizer:
    """One that has whole pieces alone, each with a mark for its space."""
    pieces = ["<unk>", "</s>", '▁{"a":"', "日本", "▁日", '"}', "▁", "b"]
    scores = [(piece, -1.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=0))
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


KINDS: Final = {"byte fallback": byte_fallback, "byte-level": byte_level, "whole words": whole_words}
SPLITTING: Final = ("byte fallback", "byte-level")


def prompts_of(tokenizer: Tokenizer, folder: Path) -> PromptTokenizer:
    """As a bundle has it."""
    file = folder / "tokenizer.json"
    tokenizer.save(str(file))
    return PromptTokenizer(file, SETTINGS)
