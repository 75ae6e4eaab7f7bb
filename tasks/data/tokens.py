"""Rows as the model's tokenizer reads them: what becomes no token at all cannot be learned or judged by."""

from typing import Final

from tokenizers import Tokenizer

from engine.errors import InputError
from engine.tokenization import read_ids
from tasks.data.validation import Placed, Rejected
from tasks.errors import one_line
from tasks.hints import excerpt
from tasks.recipe.data import AnyData

WORDLESS: Final = "becomes no token of the base model's tokenizer"
UNREADABLE: Final = "is nothing that the base model's tokenizer can read"


def check_tokens(placed: Placed, tokenizer: Tokenizer, config: AnyData) -> Placed | Rejected:
    """The row, or why it is none. Completions are read, too; labels of classes are not."""
    row = placed.row
    read = [("text", row.text)] if config.classes else [("prompt", row.text), ("completion", row.label)]
    for what, text in read:
        reason = _reason(text, tokenizer)
        if reason is not None:
            return Rejected(placed.role, placed.source, placed.number, f"{what} {reason}", excerpt(text))
    return placed


def _reason(text: str, tokenizer: Tokenizer) -> str | None:
    """Why a text cannot be used, by its own tokens alone: special ones around it say nothing of it."""
    try:
        ids = read_ids(tokenizer, text, add_special_tokens=False)
    except InputError as error:
        return f"{UNREADABLE}: {one_line(error)}"
    return None if ids else WORDLESS
