"""What can be the name of a class or a slice, and how it is read: `true`, `3` and `3.0` are names as `refund` is.

Files say the same class in several ways: pandas makes 1.0 of 1 in a column with holes, annotation tools put one choice into a
list of choices, keyboards spell é in two ways. Such values get one name, and the way in which it was found goes on the record.
Several classes for one row, dates and parts of numbers are no name: the reason says what they are.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final

from engine.answer_json import composed

TRUTH: Final = "true or false"
WHOLE_NUMBER: Final = "whole numbers written with a fraction"
ONE_CHOICE: Final = "the one choice of an annotation"
SPELLING: Final = "another Unicode spelling (NFC is kept)"

_MAX_CHARACTERS: Final = 200
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_WRITTEN_LIST: Final = re.compile(r"\[\s*(['\"]).*\1\s*\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a class or slice; `reading` says how it was read where it was not written so."""

    text: str
    reading: str | None = None


class NotANameError(ValueError):
    """Why a value is no name: a reason that follows the word for what it should be (`label`, `slice`)."""


def is_missing(value: object) -> bool:
    """Whether there is no value: null, or the NaN that stands for it in a column of numbers."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def name_of(value: object) -> Name:
    """The name that a value of a data file stands for. Raises NotANameError."""
    name = _read(value)
    text = composed(name.text.strip())
    if not text:
        raise NotANameError("is empty")
    if len(text) > _MAX_CHARACTERS:
        raise NotANameError(f"is longer than {_MAX_CHARACTERS} characters")
    if any(unicodedata.category(character) in _CONTROL for character in text):
        raise NotANameError("contains line breaks or control characters")
    return Name(text, name.reading or (SPELLING if text != name.text.strip() else None))


def alike(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that differ in nothing but case and white space, sorted."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(" ".join(name.casefold().split()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _read(value: object) -> Name:
    if isinstance(value, bool):
        return Name("true" if value else "false", TRUTH)
    for kind, read in _READ.items():
        if isinstance(value, kind):
            return read(value)
    raise NotANameError(f"is of the type {type(value).__name__}, neither text nor a whole number")


def _from_text(value: str) -> Name:
    """As it stands, unless it is what a program wrote of a list or of an annotation's choices."""
    text = value.strip()
    if text.startswith(("{", "[")):
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            held = None
        if isinstance(held, Mapping):
            return _from_mapping(held)
        if isinstance(held, list) or _WRITTEN_LIST.fullmatch(text):
            return _from_list(held)
    return Name(value)


def _from_number(value: float | Decimal) -> Name:
    if not math.isfinite(value):
        raise NotANameError("is not a finite number")
    if value != int(value):
        raise NotANameError("is a number with a fraction; a class is text or a whole number")
    return Name(str(int(value)), WHOLE_NUMBER)


def _from_mapping(value: Mapping[str, object]) -> Name:
    choices = value.get("choices")
    if set(value) != {"choices"} or not isinstance(choices, list):
        raise NotANameError("is an object, not a name")
    if len(choices) == 1 and isinstance(choices[0], str):
        return Name(choices[0], ONE_CHOICE)
    raise NotANameError("has no choice" if not choices else f"has {len(choices)} choices; {_ONE_EACH}")


def _from_list(_value: object) -> Name:
    raise NotANameError(f"is a list of labels; {_ONE_EACH}")


def _from_bytes(_value: object) -> Name:
    raise NotANameError("is bytes, not text")


def _from_time(_value: object) -> Name:
    raise NotANameError("is a date or time; write it as text")


_ONE_EACH: Final = "this task family takes one class a row"

_READ: Final[Mapping[type | tuple[type, ...], Callable[..., Name]]] = {
    str: _from_text,
    int: lambda value: Name(str(value)),
    (float, Decimal): _from_number,
    dict: _from_mapping,
    (list, tuple): _from_list,
    bytes: _from_bytes,
    (date, time): _from_time,
}
