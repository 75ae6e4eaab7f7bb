"""A decoder as a transformers folder: how one is opened and written, with its tokenizer and greedy generation settings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.base_models.config import read_config
from tasks.base_models.embeddings import fit_embeddings
from tasks.base_models.longest_row import require_length
from tasks.base_models.pretrained import open_pretrained
from tasks.base_models.tokenizer import open_fast_tokenizer
from tasks.errors import UserError
from tasks.finite import finite, require_finite_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SUPPORTED: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose logits are their head's output as it is, and which the exporter knows."""
_ONE_FILE: Final = "1TB"


def _no_cause(remark: str) -> None:
    raise RuntimeError(f"a folder of the project's own gives cause for remarks: {remark}")


def open_model(folder: Path, *, tell: Callable[[str], object] = _no_cause) -> "PreTrainedModel":
    """The causal language model of a folder, in float32, on the CPU; `tell` hears what the library did otherwise.

    Of what the project saved itself there is nothing to hear.

    Raises UserError where it is none of the supported types, or its weights do not fit it.
    """
    from transformers import AutoModelForCausalLM

    model_type = read_config(folder).model_type
    if model_type not in SUPPORTED:
        raise UserError(
            f"text generation supports models of type {', '.join(SUPPORTED)}, not {model_type!r}",
            file=folder,
            field="base_model",
        )
    return open_pretrained(AutoModelForCausalLM, folder, tell=tell)


def open_base(
    folder: Path,
    tokenizer: "PreTrainedTokenizerFast",
    max_length: int,
    *,
    tell: Callable[[str], object],
) -> "PreTrainedModel":
    """A base model with a row of embeddings for every token, that has been run on a row of `max_length` tokens.

    Where its context is shorter, on one of that.
    """
    import torch

    model = open_model(folder, tell=tell).eval()
    fit_embeddings(model, tokenizer.backend_tokenizer, tell=tell)

    def run(tokens: int) -> None:
        ids = torch.arange(tokens)[None] % model.config.vocab_size
        with torch.inference_mode():
            hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
        finite(f"what the base model makes of a row of {tokens} tokens [row, token, width]", hidden.numpy())

    require_length(run, min(max_length, context_of(model)), field="fine_tune.max_length")
    return model


def context_of(model: "PreTrainedModel") -> int:
    """How many tokens, of prompt and completion together, the model has positions for."""
    return int(model.config.max_position_embeddings)


def on_accelerator(model: "PreTrainedModel") -> "PreTrainedModel":
    """The same model where it is trained: on the GPU, if there is one."""
    import torch

    model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]  # its wrapper hides what it takes
    return model


def open_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """The fast tokenizer of a folder, which pads and cuts nothing; UserError where there is none, or it has no end token.

    A tokenizer.json keeps the padding and truncation of the last call before it was saved; the engine switches both off, too.
    """
    tokenizer = open_fast_tokenizer(folder)
    if tokenizer.eos_token_id is None:
        raise UserError("the tokenizer has no end token (eos_token)", file=folder, field="base_model")
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def write_model(folder: Path, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> None:
    """Weights as one safetensors file, tokenizer, and generation settings for greedy answers that end with the end token.

    UserError for weights that are not finite.
    """
    from transformers import GenerationConfig

    require_finite_weights("the trained model", model, field="fine_tune.learning_rate")

    model.generation_config = GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
    )
    model.save_pretrained(folder, safe_serialization=True, max_shard_size=_ONE_FILE)
    tokenizer.save_pretrained(folder)
