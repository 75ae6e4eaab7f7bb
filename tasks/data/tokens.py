"""Rows as the model's tokenizer reads them: what becomes no token at all cannot be learned or judged by."""

from collections.abc import Sequence
from typing import Final

from tokenizers import Tokenizer

from tasks.data.hints import excerpt
from tasks.data.validation import Placed, Rejected
from tasks.errors import one_line
from tasks.recipe.data import AnyData

WORDLESS: Final = "becomes no token of the base model's tokenizer"
UNREADABLE: Final = "cannot be read by the base model's tokenizer"
_AT_A_TIME: Final = 4096


def check_tokens(placed: Sequence[Placed], tokenizer: Tokenizer, config: AnyData) -> list[Placed | Rejected]:
    """Each row as it is, or why it is none, in order. Completions are read, too; labels of classes are not."""
    found: list[Placed | Rejected] = []
    for start in range(0, len(placed), _AT_A_TIME):
        rows = placed[start : start + _AT_A_TIME]
        reasons = _reasons([entry.row.text for entry in rows], tokenizer, "text" if config.classes else "prompt")
        if not config.classes:
            completions = _reasons([entry.row.label for entry in rows], tokenizer, "completion")
            reasons = [one or other for one, other in zip(reasons, completions, strict=True)]
        found += [
            entry
            if reason is None
            else Rejected(entry.role, entry.source, entry.number, reason, excerpt(entry.row.text))
            for entry, reason in zip(rows, reasons, strict=True)
        ]
    return found


def _reasons(texts: list[str], tokenizer: Tokenizer, what: str) -> list[str | None]:
    """Why each text cannot be used, by its own tokens alone; None where it can."""
    try:
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    except Exception:  # noqa: BLE001 - tokenizers' own, which has no kind and does not say which of the texts it was
        return [_reason(text, tokenizer, what) for text in texts]
    return [None if encoding.ids else f"{what} {WORDLESS}" for encoding in encodings]


def _reason(text: str, tokenizer: Tokenizer, what: str) -> str | None:
    try:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
    except Exception as error:  # noqa: BLE001 - as above: it is the reason
        return f"{what} {UNREADABLE} ({one_line(error)})"
    return None if ids else f"{what} {WORDLESS}"
