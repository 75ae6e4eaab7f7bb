"""The tokenizer of a base model with all its settings, as one `tokenizer.json`: the same ids in training and at run time.

`tokenizer.json` alone is not all of it: `tokenizer_config.json` names the side that is cut, lower-casing and the like, and
transformers' class for it decides. Where there is no such file, nothing speaks against `tokenizer.json`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tokenizers import Tokenizer, normalizers

from engine.bundle import TOKENIZER_FILE
from tasks.errors import UserError, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CONFIG_FILE: Final = "tokenizer_config.json"
_SENTENCES_FILE: Final = "sentence_bert_config.json"
_OTHER_FILES: Final = ("special_tokens_map.json", "added_tokens.json")
_NO_LIMIT: Final = 10**6  # transformers writes 1e30 where a tokenizer names no length
_PROBES: Final = (
    "The quick brown Fox, 12 lazy DOGS.",
    "Ünïcödé Straße ﬁn 中文 العربية",
    " two  spaces\tand a tab\n",
    "don't re-use it: 3.50 €",
)
Tell = Callable[[str], object]


def write_base_tokenizer(folder: Path, file: Path, max_length: int, *, tell: Tell) -> None:
    """Writes `file`, which cuts at `max_length` tokens on the base model's side. UserError where there is no usable one.

    `tell` hears what of the base model's settings decides otherwise than its `tokenizer.json`, or is overruled by the recipe.
    """
    tokenizer = base_tokenizer(folder, tell=tell)
    limit = _read(folder / CONFIG_FILE).get("model_max_length")
    if isinstance(limit, int | float) and max_length > limit:
        tell(
            f"fine_tune.max_length = {max_length} is more than the {limit:g} tokens that the base model's tokenizer names "
            "(model_max_length); the recipe's holds"
        )
    tokenizer.enable_truncation(max_length, direction=truncation_side(tokenizer))
    tokenizer.save(str(file))


def base_tokenizer(folder: Path, *, tell: Tell) -> Tokenizer:
    """The tokenizer of a base model's folder, its padding off, cut on its own side."""
    file = folder / TOKENIZER_FILE
    plain = _from_file(file) if file.is_file() else None
    configured = None if plain and not (folder / CONFIG_FILE).is_file() else _configured(folder)
    tokenizer = configured or plain
    assert tokenizer is not None
    if plain and configured:
        one, other = _uncut(plain), _uncut(configured)
        different = [probe for probe in _PROBES if one.encode(probe).ids != other.encode(probe).ids]
        if different:
            tell(
                f"the base model's {CONFIG_FILE} makes other tokens of some texts than its {TOKENIZER_FILE} alone, for "
                f"instance of {different[0]!r}; it decides"
            )
    if _read(folder / _SENTENCES_FILE).get("do_lower_case") is True:
        own = tokenizer.normalizer
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([own] if own else [])])
        tell(f"texts are put in lower case, as {_SENTENCES_FILE} of the base model has it")
    tokenizer.no_padding()
    return tokenizer


def truncation_side(tokenizer: Tokenizer) -> str:
    """`left` or `right`: where a text that is too long loses tokens."""
    return str((tokenizer.truncation or {}).get("direction", "right")).lower()


def open_fast_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """The fast tokenizer of a folder, by transformers' class for it; UserError where there is none."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    except Exception as error:  # a damaged tokenizer.json ends in tokenizers' Exception, which has no kind of its own
        raise UserError(f"the tokenizer cannot be used: {one_line(error)}", file=folder, field="base_model") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(f"no {TOKENIZER_FILE} here and none can be made", file=folder, field="base_model")
    return tokenizer


def _configured(folder: Path) -> Tokenizer:
    """With the settings of the files around it, and without tokens that are a class's default and that no file names."""
    found = open_fast_tokenizer(folder)
    document = json.loads(found.backend_tokenizer.to_str())
    named = set(_named(folder))
    size = found.backend_tokenizer.get_vocab_size(with_added_tokens=False)
    added = sorted(document["added_tokens"], key=lambda token: token["id"])
    while added and added[-1]["id"] >= size and added[-1]["content"] not in named:
        added.pop()
    tokenizer = Tokenizer.from_str(json.dumps(document | {"added_tokens": added}, allow_nan=False))
    limit = found.model_max_length
    tokenizer.enable_truncation(limit if limit < _NO_LIMIT else _NO_LIMIT, direction=found.truncation_side)
    return tokenizer


def _named(folder: Path) -> Iterator[str]:
    """All texts in the files that name tokens; of `tokenizer.json` only the added ones, else a vocabulary may be all."""
    yield from _texts(_read(folder / TOKENIZER_FILE).get("added_tokens"))
    for name in (CONFIG_FILE, *_OTHER_FILES):
        yield from _texts(_read(folder / name))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *_texts(item))


def _uncut(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that neither cuts nor pads."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_padding()
    copy.no_truncation()
    return copy


def _from_file(file: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers' own, which has no kind
        raise UserError(f"the tokenizer cannot be used: {one_line(error)}", file=file, field="base_model") from error


def _read(file: Path) -> dict[str, Any]:
    """A JSON object; nothing where there is no such file, UserError where it is none."""
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"the tokenizer cannot be used: {one_line(error)}", file=file, field="base_model") from error
