"""One plain line for what is wrong with a value: the field, the value, and what is allowed there."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from tasks.recipe.suggest import fields_beside, nearest_field

_LONGEST_VALUE: Final = 60


def dotted(location: Sequence[int | str]) -> str:
    """A field's place as a person writes it: `data.train[0]`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{one_line(part)}" if text else one_line(part)
    return text


def one_line(text: object) -> str:
    """`text` without line breaks and characters that a terminal would not print."""
    words = " ".join(str(text).split())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in words)


def shown(value: object) -> str:
    """A value as YAML's flow style writes it, cut to a length that fits into a line."""
    text = one_line(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def first_error(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """The error to report: an unknown field before others, since a misspelt one leaves a required one missing."""
    return next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])


def explain(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong and what is allowed, without the field's name."""
    if error["type"] == "extra_forbidden":
        return unknown_field([str(part) for part in error["loc"]], model)
    if error["type"] == "missing":
        return "this field is required"
    if error["type"] == "value_error":
        return one_line(error["ctx"]["error"])
    allowed = _ALLOWED.get(error["type"])
    text = allowed(error.get("ctx", {})) if allowed else one_line(error["msg"]).replace("Input should", "must", 1)
    return f"{text}, not {shown(error['input'])}"


def unknown_field(path: Sequence[str], model: type[BaseModel]) -> str:
    """That `path` is no field of the recipe, with the nearest that is."""
    nearest = nearest_field(path, model)
    if nearest is not None:
        return f"unknown field; did you mean {nearest}?"
    known = fields_beside(path, model)
    return f"unknown field; known here: {', '.join(known)}" if known else "unknown field"


def _text(words: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _context: words


_ALLOWED: Final = cast(
    dict[str, Callable[[Mapping[str, Any]], str]],
    {
        "model_type": _text("must be a section of fields, like {field: value}"),
        "tuple_type": _text("must be a list, like [a, b]"),
        "string_type": _text("must be text (put quotes around it)"),
        "string_unicode": _text("must be text"),
        "string_too_short": _text("must not be empty"),
        "too_short": _text("must have at least one entry"),
        "int_type": _text("must be a whole number"),
        "int_parsing": _text("must be a whole number"),
        "int_parsing_size": _text("must be a smaller whole number"),
        "int_from_float": _text("must be a whole number"),
        "float_type": _text("must be a number"),
        "float_parsing": _text("must be a number"),
        "finite_number": _text("must be a finite number"),
        "bool_type": _text("must be true or false"),
        "bool_parsing": _text("must be true or false"),
        "greater_than": lambda context: f"must be greater than {context['gt']}",
        "greater_than_equal": lambda context: f"must be at least {context['ge']}",
        "less_than": lambda context: f"must be less than {context['lt']}",
        "less_than_equal": lambda context: f"must be at most {context['le']}",
        "literal_error": lambda context: f"must be {context['expected']}",
        "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    },
)
