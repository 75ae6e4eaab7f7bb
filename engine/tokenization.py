"""Text to token ids, once per request, shared by all paths. The same code prepares the training rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.errors import BundleError

Ids = NDArray[np.int64]


class TextTokenizer:
    """A fast tokenizer that truncates to `max_length` tokens (special ones included) and never pads. Thread-safe.

    It is cut on the side that its file names, where the base model was cut.
    """

    def __init__(self, file: Path, max_length: int) -> None:
        """`file` is a `tokenizer.json`; BundleError when it cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise BundleError(f"{file}: not a tokenizer.json that can be read ({error})") from error
        self._tokenizer.no_padding()
        cut = self._tokenizer.truncation or {}
        self._tokenizer.enable_truncation(max_length, direction=cut.get("direction", "right"))
        self.max_length = max_length

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, added tokens included."""
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> Ids:
        """(tokens,) ids with special tokens."""
        return np.array(self._tokenizer.encode(well_formed(text)).ids, dtype=np.int64)

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
