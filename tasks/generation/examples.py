"""Rows as token ids: the prompt in its format, then the completion and the end token, which alone are learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.generation.prompt_format import prompt_format, prompt_ids, special_token_in

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Example:
    """One row; `completion` ends with the end token."""

    prompt: list[int]
    completion: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def to_examples(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerFast") -> list[Example]:
    """One example for each row, in order, however long.

    Raises UserError where a row spells out a special token, or the tokenizer has no end token.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise UserError("the tokenizer has no end token (eos_token)", field="base_model")
    for number, row in enumerate(rows, start=1):
        found = special_token_in(tokenizer, row.text) or special_token_in(tokenizer, row.label)
        if found is not None:
            raise UserError(f"row {number} spells out the special token {found}; take it out", field="data")
    prompts = prompt_ids(tokenizer, prompt_format(tokenizer), [row.text for row in rows])
    completions = tokenizer.backend_tokenizer.encode_batch([row.label for row in rows], add_special_tokens=False)
    return [Example(prompt, [*completion.ids, end]) for prompt, completion in zip(prompts, completions, strict=True)]
