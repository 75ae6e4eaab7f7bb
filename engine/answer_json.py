"""JSON that an answer says: strict as the project's own documents are, exact in its numbers, and no key said twice."""

import json
import unicodedata
from decimal import Decimal
from typing import Any

from engine.strict_json import refuse_constant


def is_json(text: str) -> bool:
    """Whether the text is one JSON value."""
    return parsed(text) is not None


def parsed(text: str) -> tuple[Any] | None:
    """The one JSON value in the text, numbers as int or Decimal; None where there is none.

    In a tuple, because JSON's null is a value, too.
    """
    try:
        return (_READER.decode(text),)
    except (ValueError, ArithmeticError, RecursionError):  # not JSON, an exponent beyond Decimal's, nested too deep
        return None


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same: numbers by value (1 equals 1.0, but not true), the order of keys aside."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def composed(text: str) -> str:
    """The text with its characters in one spelling (NFC), as keys are read."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {composed(key): value for key, value in pairs}
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


_READER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=refuse_constant, object_pairs_hook=_object_without_repeats
)
