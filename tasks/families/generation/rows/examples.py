"""Rows as token ids: the prompt in its format, then the completion and the end token, which alone are learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.families.generation.prompt_format import PromptFormat, prompt_ids
from tasks.hints import excerpt, quote

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Example:
    """One row; `completion` ends with the end token."""

    prompt: list[int]
    completion: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def to_examples(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerFast", layout: PromptFormat) -> list[Example]:
    """One example for each row, in order, however long; `layout`: the format that the model was or will be trained with.

    Raises UserError where a row spells out a special token, or the tokenizer has no end token.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise UserError("the tokenizer has no end token (eos_token)", field="base_model")
    refuse_special_tokens(rows, tokenizer)
    prompts = prompt_ids(tokenizer, layout, [row.text for row in rows])
    completions = tokenizer.backend_tokenizer.encode_batch([row.label for row in rows], add_special_tokens=False)
    return [Example(prompt, [*completion.ids, end]) for prompt, completion in zip(prompts, completions, strict=True)]


def refuse_special_tokens(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerFast", split: str | None = None) -> None:
    """Raises UserError where a row spells out a special token, which would be taken for the format's own.

    A snapshot has no such rows, if the base model's files name all its special tokens.
    """
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    special = tuple(dict.fromkeys([*tokenizer.all_special_tokens, *added]))
    for row in rows:
        for what, text in (("prompt", row.text), ("completion", row.label)):
            found = next((token for token in special if token in text), None)
            if found is not None:
                of = f" of the split {split!r}" if split else ""
                raise UserError(
                    f"a {what}{of} spells out the special token {found}; take it out of {quote(excerpt(text))}",
                    field="data",
                )
