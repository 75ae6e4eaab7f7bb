"""A small Llama from nothing, sized by a recipe's `init`, that can copy from its prompt before it is trained."""

import math
from typing import TYPE_CHECKING, Final

import torch

from tasks.generation.induction import build_induction_heads
from tasks.recipe.text_generation import InitConfig

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_STD: Final = 0.02
_FFN: Final = 3
_MULTIPLE: Final = 16  # of the vocabulary and the FFN's width, for even blocks in kernels and quantization


def initialise(config: InitConfig, tokenizer: "PreTrainedTokenizerFast", seed: int) -> "LlamaForCausalLM":
    """The model, untrained; the same for the same seed.

    Every head has keys and values of its own: the built induction heads need them.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=math.ceil(len(tokenizer) / _MULTIPLE) * _MULTIPLE,
            hidden_size=config.width,
            intermediate_size=config.ffn_width or _FFN * config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=config.context,
            rope_theta=10_000.0,
            tie_word_embeddings=True,
            initializer_range=_STD,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        for layer in model.model.layers:
            for writing in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                writing.mul_(1 / math.sqrt(2 * config.layers))
    build_induction_heads(model)
    return model
