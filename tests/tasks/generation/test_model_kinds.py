"""Every kind of decoder that is claimed goes the whole way: opened, trained, exported, and served as transformers answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from engine.generation.decoder import Decoder
from engine.generation.decoding import decode
from engine.generation.prompts import GenerationSettings, PromptTokenizer
from tasks.artifact import Artifact
from tasks.base_models.base_model import resolve_base_model
from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
from tasks.families.generation.export import check_parity, parity_rows
from tasks.families.generation.fine_tune import fine_tune
from tasks.families.generation.precision.kinds import FP32
from tasks.families.generation.recipe_sections import GenerationFineTuneConfig
from tasks.families.generation.rows.examples import to_examples
from tasks.families.generation.training.model_files import open_model, open_tokenizer
from tests.tasks.generation.conftest import call_rows, workspace_in

pytestmark = pytest.mark.slow

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou call functions.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INSTRUCT = "{{ bos_token }}{% for m in messages %}[INST] {{ m['content'] }}[/INST]{% endfor %}"
FEW = GenerationFineTuneConfig(
    epochs=1.0, optimizer="adamw", learning_rate=3e-3, tokens_per_step=512, max_length=128, weight_decay=0.0
)
NEW_TOKENS = 24


def byte_level(template: str, eos: str, special: list[str], **more: Any) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as GPT-2's, Qwen's and SmolLM's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for row in call_rows(300, 1) for text in (row.text, row.label)]
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=eos,
        chat_template=template,
        clean_up_tokenization_spaces=False,
        **more,
    )


def chatml() -> PreTrainedTokenizerFast:
    """As Qwen's and SmolLM2's: no token that begins a text."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return byte_level(CHATML, "<|im_end|>", special, pad_token="<|endoftext|>", additional_special_tokens=special[1:2])


def instruct() -> PreTrainedTokenizerFast:
    """As Mistral's: no token to pad with, and one that begins a text by itself."""
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    return byte_level(
        INSTRUCT, "</s>", special, bos_token="<s>", unk_token="<unk>", additional_special_tokens=special[3:]
    )


SIZES = {"num_hidden_layers": 2, "intermediate_size": 96, "max_position_embeddings": 160, "initializer_range": 0.2}


def qwen3() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Normalised queries and keys, heads that are not width / heads, tied and padded embeddings."""
    tokenizer = chatml()
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer) + 43,
        hidden_size=48,
        head_dim=32,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        **ids(tokenizer),
    )
    model = transformers.Qwen3ForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            for norm in (layer.self_attn.q_norm, layer.self_attn.k_norm):
                norm.weight.uniform_(0.5, 1.5)
    return model, tokenizer


def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A Llama of three query heads for each head of keys, tied embeddings, a higher theta."""
    tokenizer = chatml()
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        num_attention_heads=6,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        rope_theta=100_000.0,
        **ids(tokenizer),
    )
    return transformers.LlamaForCausalLM(config), tokenizer


def qwen2() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Biases of queries, keys and values, which begin at other values than nothing here."""
    tokenizer = chatml()
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer) + 19,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        **ids(tokenizer),
    )
    model = transformers.Qwen2ForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
                projection.bias.normal_(0, 0.3)
    return model, tokenizer


def mistral() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """An output head of its own, and no token to pad with."""
    tokenizer = instruct()
    config = transformers.MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        head_dim=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=None,
        tie_word_embeddings=False,
        **ids(tokenizer),
    )
    return transformers.MistralForCausalLM(config), tokenizer


def ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return SIZES | {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


KINDS: dict[str, Callable[[], tuple[PreTrainedModel, PreTrainedTokenizerFast]]] = {
    "qwen3": qwen3,
    "smollm2": smollm2,
    "qwen2": qwen2,
    "mistral": mistral,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_trained_exported_and_served_as_transformers_answers(
    kind: str, calls: Artifact, tmp_path: Path
) -> None:
    torch.manual_seed(11)
    model, tokenizer = KINDS[kind]()
    base = tmp_path / "base"
    # Half precision, as on the hub, and in several files.
    model.to(torch.bfloat16).save_pretrained(base, max_shard_size="60KB")
    tokenizer.save_pretrained(base)
    assert len(list(base.glob("*.safetensors"))) > 1

    work = workspace_in(tmp_path / "work")
    start = resolve_base_model(str(base), recipe_folder=tmp_path)
    result = fine_tune(calls, start=start, config=FEW, seed=0, workspace=work)
    assert result.training.left_out == 0
    before = open_model(base)
    trained = open_model(work.out).cpu()
    assert not torch.equal(before.get_input_embeddings().weight, trained.get_input_embeddings().weight)
    assert result.tune.perplexity < 50
    assert [file.name for file in work.out.glob("*.safetensors")] == ["model.safetensors"]

    decoder = tmp_path / "decoder"
    build_decoders([DecoderBuild(work.out, FP32, decoder)], scratch=tmp_path / "scratch")
    parity = check_parity(work.out, decoder, parity_rows(work.out, call_rows(8, 2), result.prompt_format))
    assert all(check.max_abs_difference <= 1e-3 for check in parity)

    layout = result.prompt_format
    settings = GenerationSettings(layout.prefix, layout.suffix, NEW_TOKENS)
    prompts, served = PromptTokenizer(decoder / "tokenizer.json", settings), Decoder(decoder)
    rows = call_rows(6, 9)
    examples = to_examples(rows, open_tokenizer(work.out), layout)
    answers = []
    for row, example in zip(rows, examples, strict=True):
        prompt = prompts.encode(row.text)
        message = [{"role": "user", "content": row.text}]
        assert prompt == example.prompt == tokenizer.apply_chat_template(message, add_generation_prompt=True)
        answers.append(answered(served, prompt))
        assert answers[-1] == greedy(trained, prompt)
    assert len({tuple(answer) for answer in answers}) > 1


def answered(decoder: Decoder, prompt: list[int]) -> list[int]:
    """The engine's answer without its end token."""
    with decoder.request(prompt, NEW_TOKENS) as (state, past):
        *_, answer = decode(state, prompt, end_ids=decoder.end_ids, max_new_tokens=NEW_TOKENS, past=past)
    return answer.tokens


def greedy(model: PreTrainedModel, prompt: list[int]) -> list[int]:
    """Transformers' answer without its end token."""
    given = torch.tensor([prompt])
    found = model.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=NEW_TOKENS, do_sample=False)
    answer = found[0, len(prompt) :].tolist()
    return answer[:-1] if answer[-1] == model.generation_config.eos_token_id else answer
