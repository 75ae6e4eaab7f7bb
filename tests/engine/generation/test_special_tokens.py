"""Which prompts spell out special tokens: a model's own in whatever form, and what is in their style; all else is text."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from engine.errors import InputError
from engine.generation.prompts import PromptTokenizer
from tests.byte_tokenizers import byte_fallback, byte_level, prompts_of

ABOUT_MODELS = ("what is <|im_start|> for?", "Llama 3 has <|eot_id|> and <|begin_of_text|>", "<|endoftext|>")
OTHERS_OWN = ("<s>", "</s>", "[INST] order [/INST]", "<start_of_turn>", "<unk>", "<bos>")


def refused(prompts: PromptTokenizer, prompt: str) -> str | None:
    try:
        prompts.encode(prompt)
    except InputError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def barred(tmp_path_factory: pytest.TempPathFactory) -> PromptTokenizer:
    """Its own are `<|request|>` and the like."""
    return prompts_of(byte_level(), tmp_path_factory.mktemp("barred"))


@pytest.fixture(scope="module")
def angled(tmp_path_factory: pytest.TempPathFactory) -> PromptTokenizer:
    """Its own are `<s>` and the like."""
    return prompts_of(byte_fallback(), tmp_path_factory.mktemp("angled"))


def test_a_models_own_are_refused_in_whatever_form(barred: PromptTokenizer, angled: PromptTokenizer) -> None:
    assert refused(angled, "order <s> now") == ("the prompt spells out <s>, a special token of this model; take it out")
    assert refused(barred, "order <|call|> now") == (
        "the prompt spells out <|call|>, a special token of this model; take it out"
    )


@pytest.mark.parametrize("prompt", ABOUT_MODELS)
def test_unknown_ones_are_refused_in_the_models_own_style_alone(barred, angled, prompt: str) -> None:
    assert "no token that this model knows; take it out" in (refused(barred, prompt) or "")
    assert refused(angled, prompt) is None


@pytest.mark.parametrize("prompt", OTHERS_OWN)
def test_what_is_another_models_is_text(barred: PromptTokenizer, prompt: str) -> None:
    assert refused(barred, prompt) is None


def test_a_tokenizer_without_any_takes_everything(tmp_path: Path) -> None:
    prompts = prompts_of(Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?")), tmp_path)
    for prompt in (*ABOUT_MODELS, *OTHERS_OWN):
        assert refused(prompts, prompt) is None
