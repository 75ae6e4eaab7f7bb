"""Tiny decoders with random weights for text generation: whole ones of several kinds, and broken ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.fuzz.base import REFUSALS, Base, altered, prefixed, replaced
from tests.fuzz.encoders import encoder, word_piece
from tests.fuzz.rows import vocabulary_texts

_CONTEXT: Final = 96
_CHAT: Final = (
    "{% for message in messages %}<|request|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|call|>{% endif %}"
)


def decoder(folder: Path, kind: str = "llama", **changes: Any) -> None:
    """Writes a decoder of a transformers `kind` with two layers of width 64, and its byte-level tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from tasks.families.generation.rows.train_tokenizer import END, PAD, REQUEST, train_tokenizer

    tokenizer = train_tokenizer(vocabulary_texts(), 512, _CONTEXT)
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "max_position_embeddings": _CONTEXT,
        "tie_word_embeddings": False,
        "pad_token_id": tokenizer.convert_tokens_to_ids(PAD),
        "bos_token_id": tokenizer.convert_tokens_to_ids(REQUEST),
        "eos_token_id": tokenizer.convert_tokens_to_ids(END),
    }
    template = changes.pop("chat_template", None)
    if template is not None:
        tokenizer.chat_template = template
    torch.manual_seed(0)
    dtype = changes.pop("dtype", torch.float32)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(sizes | changes)))
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _gpt2(folder: Path) -> None:
    decoder(folder, "gpt2", n_positions=_CONTEXT, n_embd=64, n_layer=2, n_head=4)


def _half(folder: Path) -> None:
    import torch

    decoder(folder, dtype=torch.float16)


def _added_token(folder: Path) -> None:
    from transformers import AutoTokenizer

    decoder(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"word{number}" for number in range(40)] + ["dollars"])
    tokenizer.save_pretrained(folder)


DECODERS: Final[Mapping[str, Base]] = {
    "llama": Base(decoder),
    "llama-tied": Base(lambda folder: decoder(folder, tie_word_embeddings=True)),
    "llama-chat": Base(lambda folder: decoder(folder, chat_template=_CHAT)),
    "llama-half": Base(_half),
    "qwen2": Base(lambda folder: decoder(folder, "qwen2")),
    "mistral": Base(lambda folder: decoder(folder, "mistral", sliding_window=None)),
    "mistral-window": Base(
        lambda folder: decoder(folder, "mistral", sliding_window=16), "either", (*REFUSALS, "window")
    ),
    "llama-several-ends": Base(
        altered(decoder, "config.json", lambda c: c | {"eos_token_id": [c["eos_token_id"], 5]}), "either"
    ),
    "llama-no-end": Base(
        altered(decoder, "config.json", lambda c: c | {"eos_token_id": None}), "either", (*REFUSALS, "end")
    ),
    "llama-no-padding": Base(altered(decoder, "config.json", lambda c: c | {"pad_token_id": None}), "either"),
    "llama-added-token": Base(_added_token, "either", (*REFUSALS, "embedding")),
    "llama-no-context": Base(
        altered(decoder, "config.json", lambda c: {k: v for k, v in c.items() if k != "max_position_embeddings"}),
        "either",
    ),
    "llama-context-as-text": Base(
        altered(decoder, "config.json", lambda c: c | {"max_position_embeddings": "many"}), "error"
    ),
    "llama-context-of-8": Base(
        lambda folder: decoder(folder, max_position_embeddings=8), "error", ("positions", "context", "max_new_tokens")
    ),
    "llama-prefix": Base(prefixed(decoder, "_orig_mod."), "either"),
    "llama-other-width": Base(altered(decoder, "config.json", lambda c: c | {"hidden_size": 96}), "error"),
    "llama-more-layers": Base(altered(decoder, "config.json", lambda c: c | {"num_hidden_layers": 4}), "error"),
    "llama-chat-shouts": Base(
        lambda f: decoder(f, chat_template="{{ messages[0]['content'] | upper }}"), "error", ("template", "base_model")
    ),
    "llama-chat-broken": Base(lambda f: decoder(f, chat_template="{% for %}"), "error", ("template", "base_model")),
    "llama-chat-raises": Base(
        lambda f: decoder(f, chat_template="{{ raise_exception('no') }}"), "error", ("template", "base_model")
    ),
    "llama-chat-system": Base(
        lambda f: decoder(f, chat_template="<|request|>be brief{{ messages[-1]['content'] }}<|call|>")
    ),
    "llama-tokenizer-missing": Base(replaced(decoder, "tokenizer.json", None), "error"),
    "llama-tokenizer-broken": Base(replaced(decoder, "tokenizer.json", b"[]"), "error"),
    "llama-tokenizer-config-missing": Base(replaced(decoder, "tokenizer_config.json", None), "either"),
    "llama-tokenizer-config-list": Base(replaced(decoder, "tokenizer_config.json", b"[]"), "error"),
    "llama-generation-config-broken": Base(replaced(decoder, "generation_config.json", b"{"), "either"),
    "llama-weights-empty": Base(replaced(decoder, "model.safetensors", b""), "error"),
    "llama-config-list": Base(replaced(decoder, "config.json", b"[]"), "error"),
    "llama-unknown-type": Base(altered(decoder, "config.json", lambda c: c | {"model_type": "lama"}), "error"),
    "gpt2": Base(_gpt2, "error", ("supports models of type", "no end token")),
    "gpt-neox": Base(lambda folder: decoder(folder, "gpt_neox"), "error", ("supports models of type", "no end token")),
    "an-encoder": Base(
        lambda f: encoder(f, "bert", word_piece(f)), "error", ("supports models of type", "no end token")
    ),
    "empty-folder": Base(lambda folder: None, "error"),
}
