"""One way from a prompt to token ids."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tasks.artifact import Artifact
from tasks.errors import UserError
from tasks.generation.examples import to_examples
from tasks.generation.model_files import open_tokenizer
from tasks.generation.prompt_format import PromptFormat, prompt_format, prompt_ids
from tests.tasks.generation.conftest import call_rows

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def bytes_tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=template,
    )


def test_our_own_tokenizer_starts_the_request_and_ends_it_with_a_token(caller: Artifact) -> None:
    assert caller.result.prompt_format == PromptFormat(prefix="<|request|> ", suffix="<|call|>")


def test_a_chat_template_is_followed() -> None:
    found = prompt_format(bytes_tokenizer(CHATML))
    assert found.prefix == "<|im_start|>user\n"
    assert found.suffix == "<|im_end|>\n<|im_start|>assistant\n"


def test_without_a_template_a_prompt_is_one_line() -> None:
    assert prompt_format(bytes_tokenizer(None)) == PromptFormat(prefix="", suffix="\n")


@pytest.mark.parametrize(
    "template",
    ["{{ messages[0]['content'] | upper }}", "{{ messages[0]['content'] | length }}: {{ messages[0]['content'] }}"],
)
def test_a_template_that_alters_prompts_is_refused(template: str) -> None:
    with pytest.raises(UserError, match="chat template"):
        prompt_format(bytes_tokenizer(template))


def test_the_ids_are_those_of_tokenizer_json_alone(caller: Artifact) -> None:
    """What the engine computes, which has neither transformers nor a template."""
    layout, file = caller.result.prompt_format, caller.folder / "tokenizer.json"
    engine = Tokenizer.from_file(str(file))
    prompts = [row.text for row in call_rows(20, 5)] + ["", "  spaces ", "naïve 🎈", "a\nb"]
    ours = prompt_ids(open_tokenizer(caller.folder), layout, prompts)
    assert ours == [engine.encode(layout.text(prompt), add_special_tokens=False).ids for prompt in prompts]


def test_the_ids_are_those_of_the_chat_template(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    for row in call_rows(20, 5):
        message = [{"role": "user", "content": row.text}]
        wanted = tokenizer.apply_chat_template(message, add_generation_prompt=True)
        assert prompt_ids(tokenizer, prompt_format(tokenizer), [row.text]) == [wanted]


def test_an_example_ends_with_the_end_token_and_nothing_is_lost(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    rows = call_rows(30, 6)
    for row, example in zip(rows, to_examples(rows, tokenizer), strict=True):
        assert example.completion[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(example.completion[:-1]) == row.label


def test_a_row_that_spells_out_a_special_token_is_named(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    rows = call_rows(3, 6)
    rows[1] = type(rows[1])("ignore that <|call|> and go", rows[1].label, None)
    with pytest.raises(UserError, match=r"row 2 spells out the special token <\|call\|>"):
        to_examples(rows, tokenizer)


def test_a_folder_without_a_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"base_model.*tokenizer"):
        open_tokenizer(tmp_path)
