"""When an answer of a text-generation model is right: the gold completion's text, or a JSON value that equals it.

Exact and deterministic, so that an exact binomial certificate can be stated on it.
"""

import json
from decimal import Decimal
from typing import Any, Literal

from engine.generation.strict_json import equal, parsed

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
    return given is not None and equal(wanted[0], given[0])


def normal_form(kind: Correctness, text: str) -> str:
    """The same string for all texts that `is_correct` takes for equal, and another one for all others."""
    value = parsed(text) if kind == "json" else None
    return text.strip() if value is None else json.dumps(_normal(value[0]), ensure_ascii=False, sort_keys=True)


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
