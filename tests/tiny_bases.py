"""Tiny base models as hubs have them: an encoder and a decoder with weights by chance, to be altered by a test."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Weights = dict[str, NDArray[Any]]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_encoder(folder: Path, kind: str = "bert", **config: object) -> Path:
    """An encoder of two narrow layers, with a word-piece tokenizer of letters; its `config` may be altered."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    sizes = {"vocab_size": len(vocabulary), "max_position_embeddings": 32, "pad_token_id": 0}
    if kind == "distilbert":
        sizes |= {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    else:
        sizes |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    classes = {"bert": "Bert", "roberta": "Roberta", "electra": "Electra", "distilbert": "DistilBert"}
    torch.manual_seed(0)
    model = getattr(transformers, f"{classes[kind]}Model")(
        getattr(transformers, f"{classes[kind]}Config")(**sizes | config)
    )
    model.save_pretrained(folder)
    return folder


def write_decoder(folder: Path, kind: str = "llama", **config: object) -> Path:
    """A decoder of two narrow layers, with a byte-level tokenizer."""
    import torch
    import transformers

    from tasks.families.generation.rows.train_tokenizer import train_tokenizer

    tokenizer = train_tokenizer(["order 7 shoes for Ada", "cancel 12 tea for Grace"] * 4, 300, 64)
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "tie_word_embeddings": False,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    classes = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2"}
    torch.manual_seed(0)
    model = getattr(transformers, f"{classes[kind]}ForCausalLM")(
        getattr(transformers, f"{classes[kind]}Config")(**sizes | config)
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def alter_weights(folder: Path, alter: Callable[[Weights], Mapping[str, NDArray[Any]]]) -> None:
    """Write what `alter` makes of the folder's tensors."""
    file = folder / "model.safetensors"
    save_file(dict(alter(load_file(file))), file, metadata={"format": "pt"})


def alter_json(file: Path, **fields: object) -> None:
    """Set fields of a JSON file, which need not be there."""
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.write_text(json.dumps(before | fields), encoding="utf-8")


def add_tokens(folder: Path, *tokens: str) -> None:
    """Words added to a tokenizer, and to no embeddings."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(list(tokens))
    tokenizer.save(str(folder / "tokenizer.json"))
