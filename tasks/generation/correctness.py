"""When an answer of a text-generation model is right: the gold completion's text, or a JSON value that equals it.

Exact and deterministic, so that an exact binomial certificate can be stated on it.
"""

import json
from decimal import Decimal
from typing import Any, Literal

Correctness = Literal["exact", "json"]


def is_correct(kind: Correctness, gold: str, answer: str) -> bool:
    """Whether `answer` says the same as `gold`; white space around either never counts.

    `json`: numbers by value (1 equals 1.0, but not true), the order of keys aside; an answer that is no JSON, or says a
    key twice, is wrong. A gold completion that is no JSON is compared as text.
    """
    if kind == "exact":
        return answer.strip() == gold.strip()
    if kind != "json":
        raise ValueError(f'correct is "exact" or "json", not {kind!r}')
    wanted = parsed(gold)
    if wanted is None:
        return answer.strip() == gold.strip()
    given = parsed(answer)
    return given is not None and _equal(wanted[0], given[0])


def normal_form(kind: Correctness, text: str) -> str:
    """The same string for all texts that `is_correct` takes for equal, and another one for all others."""
    value = parsed(text) if kind == "json" else None
    return text.strip() if value is None else json.dumps(_normal(value[0]), ensure_ascii=False, sort_keys=True)


def is_json(text: str) -> bool:
    """Whether the text is one JSON value, in the strict reading that `is_correct` uses."""
    return parsed(text) is not None


def parsed(text: str) -> tuple[Any] | None:
    """The one JSON value in the text, numbers as int or Decimal; None where there is none.

    In a tuple, because JSON's null is a value, too.
    """
    try:
        return (
            json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object_without_repeats),
        )
    except (ValueError, ArithmeticError, RecursionError):  # not JSON, an exponent beyond Decimal's, nested too deep
        return None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_normal(held) for held in value]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        # Sign, digits and exponent without trailing zeros: one form for 1, 1.0 and 10e-1, and one for 0 and -0.
        sign, digits, exponent = Decimal(value).as_tuple()
        text = "".join(map(str, digits)).rstrip("0")
        return {"": [sign, text.lstrip("0"), int(exponent) + len(digits) - len(text)]} if value else {"": 0}
    return value


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
