"""What completions that say the same have in common, whatever their spelling: the form in which answers are compared.

White space around a completion never counts, and neither does the way in which Unicode spells a character (NFC; a keyboard
and a tokenizer may differ in it). Of JSON the layout, the order of keys and the way a number is written do not count either.
Exact and deterministic, so that an exact binomial certificate can be stated on it.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import Any, Literal

from engine import strict_json
from engine.answer_json import composed, parsed
from tasks.recipe.data import AnyData

Correctness = Literal["exact", "json"]
AnswerForm = Callable[[str], str]
"""From an answer to what all equal answers have in common."""


def answer_form(config: AnyData) -> AnswerForm:
    """The form in which a recipe's answers are compared: a class is its own, a completion's is what makes it right."""
    return str if config.correct is None else cache(partial(normal_form, config.correct))


def normal_form(kind: Correctness, text: str) -> str:
    """The same string for all completions that are equal, and another one for all others.

    `json`: numbers by value (1 equals 1.0, but not true), the order of keys aside; a text that is no JSON, or says a key
    twice, is compared as text, as `exact` compares all.
    """
    if kind not in ("exact", "json"):
        raise ValueError(f'correct is "exact" or "json", not {kind!r}')
    value = parsed(text) if kind == "json" else None
    if value is not None:
        try:
            return strict_json.dumps(_normal(value[0]), sort_keys=True)
        except RecursionError:  # nested too deep
            pass
    return composed(text).strip()


def is_correct(kind: Correctness, gold: str, answer: str) -> bool:
    """Whether `answer` says the same as `gold`, as `normal_form` has it: an answer that is no JSON, where gold is, is wrong."""
    return normal_form(kind, answer) == normal_form(kind, gold)


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_normal(held) for held in value]
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        # Sign, digits and exponent without trailing zeros: one form for 1, 1.0 and 10e-1, and one for 0 and -0.
        sign, digits, exponent = Decimal(value).as_tuple()
        text = "".join(map(str, digits)).rstrip("0")
        return {"": [sign, text.lstrip("0"), int(exponent) + len(digits) - len(text)]} if value else {"": 0}
    return value
