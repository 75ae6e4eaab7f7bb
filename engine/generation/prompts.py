"""Prompts to token ids and back, as in training: the bundle says what stands before and after a prompt.

Needs `tokenizer.json` alone. What cannot be asked is refused here, before any model runs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal

from tokenizers import Tokenizer

from engine import strict_json
from engine.errors import BundleError, InputError
from engine.generation.token_bytes import BYTE_TOKENS, TokenBytes, decoder_steps, token_bytes
from engine.tokenization import added_tokens, read_ids, require_embeddings

SETTINGS_FILE: Final = "generation.json"
_BARS: Final = re.compile(r"<\|[A-Za-z0-9_]{1,32}\|>")
"""A style of special tokens; where a model's own are in it, others in it are not ordinary text either."""
_PROBES: Final = ("a b", "9, x")


@dataclass(frozen=True)
class GenerationSettings:
    """How a bundle's models are asked.

    `prefix`, `suffix`: the text around a prompt, with special tokens. `max_new_tokens`: where a caller names no number.
    `answers`: whether an answer should be JSON. `schema`: what a valid answer keeps to, a JSON schema of the kind that
    json_schema checks; an answer is not made to keep to it.
    """

    prefix: str
    suffix: str
    max_new_tokens: int
    answers: Literal["text", "json"] = "text"
    schema: Mapping[str, object] | None = None

    def save(self, folder: Path) -> None:
        """Write `generation.json`."""
        document = {name: value for name, value in asdict(self).items() if value is not None}
        strict_json.write(folder / SETTINGS_FILE, document)

    @classmethod
    def load(cls, folder: Path) -> "GenerationSettings":
        """Read what `save` wrote; BundleError when it cannot be read."""
        file = folder / SETTINGS_FILE
        try:
            return cls(**strict_json.read(file))
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{file}: not the settings of a generation bundle ({error})") from error


class PromptTokenizer:
    """Thread-safe.

    `prefix_ids`: what every prompt's ids start with. `special_ids`: of special tokens. `byte_ids`: of tokens that are a byte
    of a character, of which a run is decoded as one.
    """

    def __init__(self, file: Path, settings: GenerationSettings) -> None:
        """`file` is a `tokenizer.json`; BundleError when it cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise BundleError(f"{file}: not a tokenizer.json that can be read ({error})") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._settings = settings
        added = self._tokenizer.get_added_tokens_decoder()
        self.special_ids = frozenset(number for number, token in added.items() if token.special)
        self._special = frozenset(added[number].content for number in self.special_ids)
        forms = sorted(map(re.escape, self._special), key=len, reverse=True)
        if any(_BARS.fullmatch(token) for token in self._special):
            forms.append(_BARS.pattern)
        self._suspect = re.compile("|".join(forms) or "(?!)")
        falls_back = any(step["type"] == "ByteFallback" for step in decoder_steps(self._tokenizer))
        byte_ids = map(self._tokenizer.token_to_id, BYTE_TOKENS if falls_back else ())
        self.byte_ids = frozenset(number for number in byte_ids if number is not None)
        self.prefix_ids: tuple[int, ...] = common_start(*(self.ids(probe) for probe in _PROBES))

    def encode(self, prompt: object, embeddings: int | None = None) -> list[int]:
        """The ids a model is given. InputError for what is no text, is empty, or spells out special tokens.

        `embeddings`: how many ids the model can read; InputError naming a token beyond them.
        """
        if not isinstance(prompt, str):
            raise InputError(f"a text is needed, not {type(prompt).__name__}")
        if not prompt.strip():
            raise InputError("the prompt is empty")
        suspect = self._suspect.search(prompt)
        if suspect is not None:
            known = "a special token of this model" if suspect[0] in self._special else "no token that this model knows"
            raise InputError(f"the prompt spells out {suspect[0]}, {known}; take it out")
        ids = self.ids(prompt)
        require_embeddings(self._tokenizer, ids, embeddings)
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of an answer's ids."""
        return self._tokenizer.decode(tokens, skip_special_tokens=True)

    @property
    def added_tokens(self) -> tuple[str, ...]:
        """Texts of the added tokens, the special ones among them, in the order of their ids."""
        return added_tokens(self._tokenizer)

    @cached_property
    def token_bytes(self) -> TokenBytes:
        """What each token of an answer says, byte by byte."""
        return token_bytes(self._tokenizer)

    def ids(self, prompt: str) -> list[int]:
        """Of a prompt as it stands, whatever it spells out; InputError where the tokenizer cannot read it."""
        text = f"{self._settings.prefix}{prompt}{self._settings.suffix}"
        return read_ids(self._tokenizer, text, add_special_tokens=False)


def common_start(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    """The ids that both begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return tuple(token for token, _ in same)


class PieceDecoder:
    """Text pieces of one growing answer."""

    def __init__(self, tokenizer: PromptTokenizer) -> None:
        """For one answer."""
        self._tokenizer = tokenizer
        self._told = ""

    def piece(self, tokens: Sequence[int], *, final: bool) -> str:
        """What is new and sure in the text of `tokens`, which grow from call to call; all that is left at the last call.

        Nothing is taken back, so the pieces are the whole text, unless a tokenizer alters what was sure.
        """
        sure = self._tokenizer.decode(tokens) if final else self._sure(tokens)
        if not final and not sure.startswith(self._told):
            return ""
        piece, self._told = sure[len(self._told) :], sure
        return piece

    def _sure(self, tokens: Sequence[int]) -> str:
        """The text without what may still be altered: half a character, a mark that waits for its word, a run of bytes."""
        end, byte_ids = len(tokens), self._tokenizer.byte_ids
        while end and tokens[end - 1] in byte_ids:
            end -= 1
        # A tokenizer's decoder may take the last character away when the next one is known.
        return self._tokenizer.decode(tokens[:end]).rstrip("\ufffd\ue000")[:-1]
