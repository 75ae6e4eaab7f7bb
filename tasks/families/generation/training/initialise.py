"""A small Llama from nothing, sized by a recipe's `init` or by a teacher, that can copy from its prompt before it is trained."""

import math
from typing import TYPE_CHECKING, Final

import torch

from tasks.families.generation.recipe_sections import InitConfig
from tasks.families.generation.training.induction import build_induction_heads

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

_STD: Final = 0.02
_FFN: Final = 3
_MULTIPLE: Final = 16  # of the vocabulary and the FFN's width, for even blocks in kernels and quantization


def initialise(config: InitConfig, tokenizer: "PreTrainedTokenizerFast", seed: int) -> "LlamaForCausalLM":
    """The model of a recipe's `init`, untrained; the same for the same seed."""
    shape = new_llama_config(
        tokenizer,
        layers=config.layers,
        width=config.width,
        heads=config.heads,
        ffn_width=config.ffn_width or _FFN * config.width,
        vocabulary=math.ceil(len(tokenizer) / _MULTIPLE) * _MULTIPLE,
        context=config.context,
    )
    return new_llama(shape, seed)


def new_llama_config(
    tokenizer: "PreTrainedTokenizerFast",
    *,
    layers: int,
    width: int,
    heads: int,
    ffn_width: int,
    vocabulary: int,
    context: int,
) -> "LlamaConfig":
    """Every head has keys and values of its own: the built induction heads need them."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=ffn_width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        rope_theta=10_000.0,
        tie_word_embeddings=True,
        initializer_range=_STD,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def new_llama(config: "LlamaConfig", seed: int) -> "LlamaForCausalLM":
    """Untrained, the same for the same seed; with a single layer it has no room for induction heads and starts without."""
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            for writing in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                writing.mul_(1 / math.sqrt(2 * config.num_hidden_layers))
    if config.num_hidden_layers > 1:
        build_induction_heads(model)
    return model
