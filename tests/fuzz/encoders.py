"""Tiny encoders with random weights, as hubs and people's disks have them: whole ones of many kinds, and broken ones."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.fuzz.base import REFUSALS, Base, Writer, altered, prefixed, replaced, weighted
from tests.fuzz.rows import vocabulary_texts

_POSITIONS: Final = 64
_BERT_MARKS: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA_MARKS: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def word_piece(folder: Path, *, marks: Sequence[str] = _BERT_MARKS, post: bool = True, lower: bool = True) -> int:
    """Writes a WordPiece tokenizer of the rows' words and letters; returns how many ids it has."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = sorted({word for text in vocabulary_texts() for word in text.split() if word.isalpha()})
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'{}\":[]"
    pieces = dict.fromkeys([*marks, *words, *letters, *(f"##{letter}" for letter in letters)])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=marks[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if post:
        tokenizer.post_processor = _template(marks[2], marks[3], vocabulary)
    tokenizer.add_special_tokens(list(marks))
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(vocabulary)


def byte_pairs(folder: Path) -> int:
    """Writes a byte-level BPE tokenizer; returns how many ids it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=list(_ROBERTA_MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(vocabulary_texts(), trainer)
    tokenizer.post_processor = _template("<s>", "</s>", tokenizer.get_vocab())
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab_size()


def unigram(folder: Path) -> int:
    """Writes a Unigram tokenizer, as SentencePiece makes them; returns how many ids it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=list(_ROBERTA_MARKS), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(vocabulary_texts(), trainer)
    tokenizer.post_processor = _template("<s>", "</s>", tokenizer.get_vocab())
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab_size()


def _template(start: str, end: str, vocabulary: Mapping[str, int]) -> Any:
    from tokenizers import processors

    marks = [(start, vocabulary[start]), (end, vocabulary[end])]
    return processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=marks)


def encoder(folder: Path, kind: str, vocabulary: int, **changes: Any) -> None:
    """Writes a model of a transformers `kind` with two layers of width 32."""
    import torch
    from transformers import AutoConfig, AutoModel

    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": _POSITIONS,
        "pad_token_id": 0,
    }
    if kind in ("roberta", "xlm-roberta", "camembert"):
        sizes |= {"pad_token_id": 1, "type_vocab_size": 1, "max_position_embeddings": _POSITIONS + 2}
    if kind == "distilbert":
        named = {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}
        named["intermediate_size"] = "hidden_dim"
        sizes = {named.get(name, name): value for name, value in sizes.items()}
    if kind in ("electra", "albert"):
        sizes["embedding_size"] = 16
    torch.manual_seed(0)
    dtype = changes.pop("dtype", torch.float32)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **(sizes | changes)))
    model.to(dtype).save_pretrained(folder)


def _bert(folder: Path, *, kind: str = "bert", post: bool = True, lower: bool = True, **changes: Any) -> None:
    encoder(folder, kind, word_piece(folder, post=post, lower=lower), **changes)


def _one_not_a_number(weights: dict[str, Any]) -> dict[str, Any]:
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][7] = float("nan")
    return weights


def _added_token(folder: Path) -> None:
    from tokenizers import Tokenizer

    _bert(folder)
    file = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(file)
    tokenizer.add_tokens(["dollars", "<account>"])
    tokenizer.save(file)


def _shortening(folder: Path, **changes: Any) -> None:
    from tokenizers import Tokenizer

    _bert(folder)
    file = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(file)
    tokenizer.enable_truncation(**({"max_length": 16} | changes))
    tokenizer.enable_padding(length=16)
    tokenizer.save(file)


def _half(folder: Path) -> None:
    import torch

    _bert(folder, dtype=torch.float16)


def _sharded(folder: Path) -> None:
    from transformers import AutoModel

    _bert(folder)
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="40KB")


def _two_weights(folder: Path) -> None:
    _bert(folder)
    shutil.copy(folder / "model.safetensors", folder / "copy.safetensors")


def _pickled(folder: Path) -> None:
    _bert(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _with(tokenizer: Callable[[Path], int], kind: str, **changes: Any) -> Writer:
    return lambda folder: encoder(folder, kind, tokenizer(folder), **changes)


_UNSUPPORTED: Final = ("is not supported",)

ENCODERS: Final[Mapping[str, Base]] = {
    "bert": Base(_bert),
    "roberta": Base(_with(byte_pairs, "roberta")),
    "xlm-roberta": Base(_with(unigram, "xlm-roberta")),
    "camembert": Base(_with(unigram, "camembert")),
    "distilbert": Base(lambda folder: _bert(folder, kind="distilbert")),
    "electra": Base(lambda folder: _bert(folder, kind="electra")),
    "bert-byte-pairs": Base(_with(byte_pairs, "bert", pad_token_id=1)),
    "bert-cased": Base(lambda folder: _bert(folder, lower=False)),
    "bert-half": Base(_half),
    "bert-one-layer": Base(lambda folder: _bert(folder, num_hidden_layers=1)),
    "bert-sharded": Base(_sharded),
    "bert-no-post-processor": Base(lambda folder: _bert(folder, post=False)),
    "bert-left-truncation": Base(lambda folder: _shortening(folder, direction="left"), "either"),
    "bert-own-truncation": Base(_shortening, "either"),
    "bert-module-prefix": Base(prefixed(_bert, "module."), "either"),
    "bert-compiled-prefix": Base(prefixed(_bert, "_orig_mod."), "either"),
    "bert-foreign-prefix": Base(prefixed(_bert, "my.backbone.net."), "error"),
    "bert-added-token": Base(_added_token, "either", (*REFUSALS, "embedding", "token")),
    "bert-no-padding-id": Base(lambda folder: _bert(folder, pad_token_id=None)),
    "bert-last-padding-id": Base(lambda folder: _bert(folder, pad_token_id=9)),
    "bert-padding-id-beyond": Base(altered(_bert, "config.json", lambda c: c | {"pad_token_id": 10**6}), "either"),
    "bert-few-embeddings": Base(lambda f: encoder(f, "bert", word_piece(f) - 40), "either", (*REFUSALS, "embedding")),
    "bert-other-width": Base(altered(_bert, "config.json", lambda c: c | {"hidden_size": 48}), "error"),
    "bert-heads-do-not-divide": Base(altered(_bert, "config.json", lambda c: c | {"num_attention_heads": 5}), "error"),
    "bert-more-layers": Base(altered(_bert, "config.json", lambda c: c | {"num_hidden_layers": 4}), "error"),
    "bert-layers-as-text": Base(altered(_bert, "config.json", lambda c: c | {"num_hidden_layers": "two"}), "error"),
    "bert-no-layers": Base(altered(_bert, "config.json", lambda c: c | {"num_hidden_layers": 0}), "error"),
    "bert-unknown-type": Base(altered(_bert, "config.json", lambda c: c | {"model_type": "bort"}), "error"),
    "bert-no-type": Base(altered(_bert, "config.json", lambda c: c | {"model_type": None}), "error"),
    "bert-own-code": Base(
        altered(_bert, "config.json", lambda c: c | {"model_type": "mine", "auto_map": {"AutoConfig": "a.B"}}), "error"
    ),
    "bert-activation-unknown": Base(altered(_bert, "config.json", lambda c: c | {"hidden_act": "wave"}), "error"),
    "bert-not-a-number": Base(weighted(_bert, _one_not_a_number), "error", (*REFUSALS, "finite")),
    "bert-no-weights-named": Base(weighted(_bert, lambda weights: {"x": next(iter(weights.values()))}), "error"),
    "bert-config-broken": Base(replaced(_bert, "config.json", b"{"), "error"),
    "bert-config-list": Base(replaced(_bert, "config.json", b"[1, 2]"), "error"),
    "bert-config-missing": Base(replaced(_bert, "config.json", None), "error"),
    "bert-weights-missing": Base(replaced(_bert, "model.safetensors", None), "error"),
    "bert-weights-empty": Base(replaced(_bert, "model.safetensors", b""), "error"),
    "bert-weights-cut": Base(replaced(_bert, "model.safetensors", b"\x10\0\0\0\0\0\0\0{}"), "error"),
    "bert-weights-a-pointer": Base(
        replaced(_bert, "model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        "error",
    ),
    "bert-tokenizer-missing": Base(replaced(_bert, "tokenizer.json", None), "error"),
    "bert-tokenizer-broken": Base(replaced(_bert, "tokenizer.json", b"{}"), "error"),
    "bert-tokenizer-empty": Base(replaced(_bert, "tokenizer.json", b""), "error"),
    "bert-two-weights": Base(_two_weights, "error"),
    "bert-pickled": Base(_pickled, "error"),
    "albert": Base(lambda folder: _bert(folder, kind="albert"), "error", _UNSUPPORTED),
    "mpnet": Base(lambda folder: _bert(folder, kind="mpnet"), "error", _UNSUPPORTED),
    "deberta-v2": Base(lambda folder: _bert(folder, kind="deberta-v2"), "error", _UNSUPPORTED),
    "modernbert": Base(lambda folder: _bert(folder, kind="modernbert"), "error", _UNSUPPORTED),
    "empty-folder": Base(lambda folder: None, "error"),
}
