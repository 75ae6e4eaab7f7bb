"""What stands before and after a prompt, so that training, evaluation and engine hand a model the same tokens.

It comes from the tokenizer's chat template where there is one, and is taken once, by the fine-tuning: a template may print
today's date, which then belongs to the model. Students, exports and the bundle are given what the model was trained with,
and the engine computes no dates. It needs no more than the two texts and `tokenizer.json`: the ids are those of
`prefix + prompt + suffix`, and of nothing added by the tokenizer itself.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tasks.artifact import Record
from tasks.errors import UserError, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_PROBES: Final = ("the quick brown fox", "9 lazy dogs, x = y")
_PLAIN_SUFFIX: Final = "\n"


class PromptFormat(Record):
    """`prefix` and `suffix` hold special tokens as text."""

    prefix: str
    suffix: str

    def text(self, prompt: str) -> str:
        """What is tokenized, without special tokens of the tokenizer's own adding."""
        return f"{self.prefix}{prompt}{self.suffix}"


def prompt_ids(tokenizer: "PreTrainedTokenizerFast", layout: PromptFormat, prompts: Sequence[str]) -> list[list[int]]:
    """The token ids a model is given for each prompt. The only way from a prompt to ids, the engine's aside, which equals it."""
    texts = [layout.text(prompt) for prompt in prompts]
    return [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)]


def prompt_format(tokenizer: "PreTrainedTokenizerFast") -> PromptFormat:
    """The format of a tokenizer: one user message by its chat template; without one, a line after the first token.

    Raises UserError where the template cannot be used, or alters prompts, or what it puts around them, by what they say.
    """
    if not tokenizer.chat_template:
        starts = tokenizer.bos_token if tokenizer.bos_token_id in tokenizer("").input_ids else None
        return PromptFormat(prefix=starts or "", suffix=_PLAIN_SUFFIX)
    around = {_around(tokenizer, probe) for probe in _PROBES}
    if len(around) > 1:
        raise UserError("the chat template puts different texts around different prompts", field="base_model")
    prefix, suffix = around.pop()
    return PromptFormat(prefix=prefix, suffix=suffix)


def _around(tokenizer: "PreTrainedTokenizerFast", probe: str) -> tuple[str, str]:
    messages = [{"role": "user", "content": probe}]
    try:
        rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a template is a program of the model's own, and ends in whatever it ends in
        raise UserError(
            f"the chat template cannot be used on a user's message alone: {one_line(error)}", field="base_model"
        ) from error
    before, found, after = str(rendered).partition(probe)
    if not found:
        raise UserError("the chat template does not repeat the user's message as it is", field="base_model")
    return before, after
