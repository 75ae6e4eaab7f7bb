"""Text to token ids, once per request, shared by all paths. The same code prepares the training rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.errors import BundleError, InputError

Ids = NDArray[np.int64]
_PANIC: Final = "PanicException"


class TextTokenizer:
    """A fast tokenizer that truncates to `max_length` tokens (special ones included) and never pads. Thread-safe.

    It is cut on the side that its file names, where the base model was cut.
    """

    def __init__(self, file: Path, max_length: int, embeddings: int | None = None) -> None:
        """`file` is a `tokenizer.json`; BundleError when it cannot be read.

        `embeddings`: how many ids the model has an embedding for, where that is known.
        """
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise BundleError(f"{file}: not a tokenizer.json that can be read ({error})") from error
        self._tokenizer.no_padding()
        cut = self._tokenizer.truncation or {}
        self._tokenizer.enable_truncation(max_length, direction=cut.get("direction", "right"))
        self.max_length = max_length
        self.embeddings = embeddings

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, added tokens included."""
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    @property
    def added_tokens(self) -> tuple[str, ...]:
        """Texts of the added tokens, the special ones among them, in the order of their ids."""
        return added_tokens(self._tokenizer)

    def asked(self, text: object) -> Ids:
        """(tokens,) ids of a row that a model is asked; InputError for what is no text, or for none that it can be asked."""
        if not isinstance(text, str):
            raise InputError(f"a text is needed, not {type(text).__name__}")
        ids = read_ids(self._tokenizer, text)
        if not ids:
            raise InputError(
                "the text has no token: it is empty, or made of characters alone that the tokenizer leaves out"
            )
        require_embeddings(self._tokenizer, ids, self.embeddings)
        return np.array(ids, dtype=np.int64)

    def encode(self, text: str) -> Ids:
        """(tokens,) ids with special tokens."""
        return np.array(read_ids(self._tokenizer, text), dtype=np.int64)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """One array (tokens,) of int64 ids per text, equal to `encode` of each."""
        encodings = self._tokenizer.encode_batch_fast([well_formed(text) for text in texts])
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


def well_formed(text: str) -> str:
    """The text with lone surrogates, which no tokenizer can read, replaced by U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def added_tokens(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Texts of a tokenizer's added tokens, the special ones among them, in the order of their ids."""
    return tuple(token.content for _, token in sorted(tokenizer.get_added_tokens_decoder().items()))


def read_ids(tokenizer: Tokenizer, text: str, *, add_special_tokens: bool = True) -> list[int]:
    """The ids of a text. InputError where the tokenizer cannot read it, as one without an unknown token may not."""
    try:
        ids: list[int] = tokenizer.encode(well_formed(text), add_special_tokens=add_special_tokens).ids
    except BaseException as error:
        # All that the library raises of a text: an Exception of no kind, and what it makes of a panic, which has no name
        # that could be imported.
        if type(error) is not Exception and type(error).__name__ != _PANIC:
            raise
        raise InputError(f"the tokenizer cannot read it ({error})") from error
    return ids


def require_embeddings(tokenizer: Tokenizer, ids: Sequence[int], embeddings: int | None) -> None:
    """InputError naming the first token that the model has no embedding for; `embeddings`: how many it has, if known."""
    if embeddings is None or max(ids) < embeddings:
        return
    beyond = next(number for number in ids if number >= embeddings)
    raise InputError(
        f"the token {tokenizer.id_to_token(beyond)!r} of the tokenizer (id {beyond}) has no embedding in the model, which has "
        f"{embeddings}; leave it out"
    )
