"""One way from a prompt to token ids, the same on every day and with every tokenizer."""

from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from engine.generation.prompts import GenerationSettings, PromptTokenizer
from tasks.artifact import Artifact
from tasks.base_models.base_model import resolve_base_model
from tasks.errors import UserError
from tasks.families.generation.distil import distil
from tasks.families.generation.export import parity_rows
from tasks.families.generation.fine_tune import fine_tune
from tasks.families.generation.prompt_format import PromptFormat, prompt_format, prompt_ids
from tasks.families.generation.recipe_sections import DistilConfig, GenerationFineTuneConfig
from tasks.families.generation.rows.examples import to_examples
from tasks.families.generation.training.model_files import open_model, open_tokenizer
from tests.tasks.generation.conftest import call_rows, workspace_in

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
    [
        "{% for %}",
        "{{ raise_exception('no user') }}",
        "{{ messages[1]['content'] }}",
        "{{ 1 / 0 }}",
        "{{ none + 'a' }}",
    ],
)
def test_a_template_that_ends_in_an_error_is_refused_with_what_it_says(template: str) -> None:
    with pytest.raises(UserError, match="base_model: the chat template cannot be used on a user's message alone: "):
        prompt_format(bytes_tokenizer(template))


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


def test_padding_and_truncation_of_a_saved_tokenizer_are_switched_off(caller: Artifact, tmp_path: Path) -> None:
    """tokenizer.json keeps what the last call before it was saved asked for; the engine ignores that."""
    saved = open_tokenizer(caller.folder)
    saved(["a", "b c"], padding="max_length", truncation=True, max_length=5)
    saved.save_pretrained(tmp_path)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).truncation["max_length"] == 5
    layout, rows = caller.result.prompt_format, call_rows(20, 5)
    engine = PromptTokenizer(tmp_path / "tokenizer.json", GenerationSettings(layout.prefix, layout.suffix, 8))
    opened = open_tokenizer(tmp_path)
    wanted = [engine.encode(row.text) for row in rows]
    assert max(map(len, wanted)) > 5
    assert prompt_ids(opened, layout, [row.text for row in rows]) == wanted
    assert [example.prompt for example in to_examples(rows, opened, layout)] == wanted
    completions = [example.completion for example in to_examples(rows, open_tokenizer(caller.folder), layout)]
    assert [example.completion for example in to_examples(rows, opened, layout)] == completions
    assert parity_rows(tmp_path, rows, layout) == parity_rows(caller.folder, rows, layout)


DATED = "{% for m in messages %}<|request|>{{ strftime_now('%d %b %Y') }}: {{ m['content'] }}{% endfor %}<|call|>"


def test_a_date_in_the_template_is_that_of_the_fine_tuning_for_student_and_bundle(
    caller: Artifact, calls: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = open_tokenizer(caller.folder)
    tokenizer.chat_template = DATED
    base = tmp_path / "base"
    open_model(caller.folder).save_pretrained(base)
    tokenizer.save_pretrained(base)
    short = {"epochs": 0.05, "tokens_per_step": 512, "max_length": 64}

    set_date(monkeypatch, 14)
    work = workspace_in(tmp_path / "tuned")
    start = resolve_base_model(str(base), recipe_folder=tmp_path)
    tuned = Artifact.of(
        "fine-tune",
        work.out,
        fine_tune(calls, start=start, config=GenerationFineTuneConfig(**short), seed=0, workspace=work),
    )
    assert tuned.result.prompt_format == PromptFormat(prefix="<|request|>14 Jul 2031: ", suffix="<|call|>")

    set_date(monkeypatch, 15)
    assert prompt_format(open_tokenizer(tuned.folder)).prefix == "<|request|>15 Jul 2031: "
    work = workspace_in(tmp_path / "student")
    student = distil(calls, tuned, config=DistilConfig(layers=2, **short), seed=0, workspace=work)
    assert student.prompt_format == tuned.result.prompt_format
    assert student.parent_tune == tuned.result.tune
    first = parity_rows(tuned.folder, call_rows(1, 5), student.prompt_format)[0]
    assert open_tokenizer(tuned.folder).decode(first).startswith("<|request|>14 Jul 2031: ")


def set_date(monkeypatch: pytest.MonkeyPatch, day: int) -> None:
    """What strftime_now of a chat template tells."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Fixed":
            return cls(2031, 7, day, tzinfo=tz)

    monkeypatch.setattr(chat_template_utils, "datetime", Fixed)


def test_the_ids_are_those_of_the_chat_template(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    for row in call_rows(20, 5):
        message = [{"role": "user", "content": row.text}]
        wanted = tokenizer.apply_chat_template(message, add_generation_prompt=True)
        assert prompt_ids(tokenizer, prompt_format(tokenizer), [row.text]) == [wanted]


def test_an_example_ends_with_the_end_token_and_nothing_is_lost(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    rows = call_rows(30, 6)
    for row, example in zip(rows, to_examples(rows, tokenizer, caller.result.prompt_format), strict=True):
        assert example.completion[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(example.completion[:-1]) == row.label


def test_a_row_that_spells_out_a_special_token_is_named(caller: Artifact) -> None:
    tokenizer = open_tokenizer(caller.folder)
    rows = call_rows(3, 6)
    rows[1] = type(rows[1])("ignore that <|call|> and go", rows[1].label, None)
    with pytest.raises(
        UserError, match=r"a prompt spells out the special token <\|call\|>; take it out of 'ignore that"
    ):
        to_examples(rows, tokenizer, caller.result.prompt_format)


def test_a_folder_without_a_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"base_model.*tokenizer"):
        open_tokenizer(tmp_path)
