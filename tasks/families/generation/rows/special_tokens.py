"""The special tokens of a tokenizer by its files alone, so that rows are checked for them before a model is opened.

A text that spells one out would be taken for the prompt format's own, so the engine refuses such prompts.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tasks.errors import UserError

_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def special_tokens_of(folder: Path) -> tuple[str, ...]:
    """Those of a tokenizer's folder, sorted; UserError where one of its files is no JSON."""
    found = {token for name in _FILES if (folder / name).is_file() for token in _in_file(folder / name)}
    return tuple(sorted(found - {""}))


def _in_file(file: Path) -> Iterator[str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"the tokenizer cannot be used: {error}", file=file, field="base_model") from error
    if not isinstance(content, dict):
        return
    added = [*_list(content.get("added_tokens")), *_list(content.get("added_tokens_decoder"))]
    yield from (str(token["content"]) for token in added if isinstance(token, dict) and token.get("special"))
    for name, value in content.items():
        if name.endswith("_token"):
            yield from _spelled(value)
        if name == "additional_special_tokens":
            for token in _list(value):
                yield from _spelled(token)


def _spelled(token: object) -> Iterator[str]:
    """A token is written as text or as a record with its settings; flags such as `add_bos_token` are neither."""
    if isinstance(token, dict):
        token = token.get("content")
    if isinstance(token, str):
        yield token


def _list(value: object) -> list[object]:
    """The values of a list or of a dictionary by ids."""
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
