"""A decoder as a transformers folder: how one is opened and written, with its tokenizer and greedy generation settings."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SUPPORTED: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose logits are their head's output as it is, and which the exporter knows."""
_ONE_FILE: Final = "1TB"


def open_model(folder: Path) -> "PreTrainedModel":
    """The causal language model of a folder, in float32.

    Raises UserError where it is none of the supported types.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, json.JSONDecodeError, OSError) as error:
        raise UserError(f"config.json cannot be used: {error}", file=folder, field="base_model") from error
    if config.model_type not in SUPPORTED:
        raise UserError(
            f"text generation supports models of type {', '.join(SUPPORTED)}, not {config.model_type!r}",
            file=folder,
            field="base_model",
        )
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]  # its wrapper hides what it takes
    return model


def open_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """The fast tokenizer of a folder, which pads and cuts nothing; UserError where there is none, or it has no end token.

    A tokenizer.json keeps the padding and truncation of the last call before it was saved; the engine switches both off, too.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"the tokenizer cannot be used: {error}", file=folder, field="base_model") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError("no tokenizer.json here and none can be made", file=folder, field="base_model")
    if tokenizer.eos_token_id is None:
        raise UserError("the tokenizer has no end token (eos_token)", file=folder, field="base_model")
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def write_model(folder: Path, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> None:
    """Weights as one safetensors file, tokenizer, and generation settings for greedy answers that end with the end token."""
    from transformers import GenerationConfig

    model.generation_config = GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
    )
    model.save_pretrained(folder, safe_serialization=True, max_shard_size=_ONE_FILE)
    tokenizer.save_pretrained(folder)
