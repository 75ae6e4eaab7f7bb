"""A model from nothing copies before it has learned anything."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tasks.families.generation.recipe_sections import InitConfig
from tasks.families.generation.rows.train_tokenizer import train_tokenizer
from tasks.families.generation.training.induction import build_induction_heads
from tasks.families.generation.training.initialise import initialise

VOCABULARY = 1024


def llama(layers: int, *, heads: int = 4) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            tie_word_embeddings=True,
        )
    ).eval()


@torch.inference_mode()
def copied(model: LlamaForCausalLM) -> float:
    """Share of the tokens of a sequence's second occurrence that the model predicts."""
    torch.manual_seed(1)
    once = torch.stack([torch.randperm(VOCABULARY)[:24] for _ in range(32)])
    right = model(torch.cat([once, once], 1)).logits[:, 24:-1].argmax(-1) == once[:, 1:]
    return float(right.float().mean())


def test_an_untrained_model_copies_only_with_the_heads_built() -> None:
    model = llama(4)
    assert copied(model) < 0.05
    build_induction_heads(model)
    assert copied(model) > 0.2


def test_a_model_of_one_layer_has_no_room_for_them() -> None:
    with pytest.raises(ValueError, match="two layers"):
        build_induction_heads(llama(1))


def test_heads_as_wide_as_the_model_leave_no_room_either() -> None:
    with pytest.raises(ValueError, match="wider than a head"):
        build_induction_heads(llama(2, heads=1))


def test_the_same_seed_gives_the_same_model() -> None:
    tokenizer = train_tokenizer(["one two three"], 512, 64)
    config = InitConfig(layers=2, width=64, heads=2, vocabulary=512, context=64)
    one, same, other = (initialise(config, tokenizer, seed) for seed in (3, 3, 4))
    weights = [model.model.embed_tokens.weight for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_heads_that_the_runtime_cannot_take_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 16 times"):
        InitConfig(width=96, heads=4)
