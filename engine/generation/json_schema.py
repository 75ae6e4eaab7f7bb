"""JSON schemas of the plain kind that describe function calls and records, compiled into one function that checks a value.

It is asked once for each answer, between two models that take a millisecond. A keyword that it does not know is an error and
not passed over: what nobody checks must not count as kept to.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.answer_json import equal, parsed
from engine.errors import InputError

Check = Callable[[Any], bool]

_ANNOTATIONS: Final = frozenset(
    ("$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated")
)
_TYPES: Final[dict[str, Check]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, Decimal) and value == value.to_integral_value())
    ),
}


def compiled_schema(schema: object) -> Check:
    """Whether a value, as `answer_json.parsed` gives it, keeps to the schema.

    InputError for what is no schema, and for keywords other than `type`, `properties`, `required`, `additionalProperties`,
    `items`, `enum`, `const`, `anyOf` and annotations.
    """
    try:
        read = parsed(json.dumps(schema, allow_nan=False))
        if read is None or not isinstance(read[0], dict):
            raise InputError(f"schema: a JSON schema is an object, not {type(schema).__name__}")
        return _compiled(read[0], "schema")
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"schema: not JSON ({error})") from None


def _compiled(schema: Any, place: str) -> Check:
    if isinstance(schema, bool):
        return lambda _value: schema
    if not isinstance(schema, dict):
        raise InputError(f"{place}: a JSON schema is an object, not {json.dumps(schema, default=str)}")
    checks = []
    for keyword in schema:
        if keyword in _ANNOTATIONS:
            continue
        if keyword not in _KEYWORDS:
            raise InputError(f"{place}: {keyword!r} is not checked here; known: {', '.join(_KEYWORDS)}")
        checks.append(_KEYWORDS[keyword](schema, f"{place}.{keyword}"))
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _type(schema: Mapping[str, Any], place: str) -> Check:
    wanted = schema["type"]
    names = wanted if isinstance(wanted, list) else [wanted]
    if not names or any(not isinstance(name, str) or name not in _TYPES for name in names):
        raise InputError(
            f"{place}: one or several of {', '.join(_TYPES)} are needed, not {json.dumps(wanted, default=str)}"
        )
    kinds = [_TYPES[name] for name in names]
    return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)


def _properties(schema: Mapping[str, Any], place: str) -> Check:
    checks = {name: _compiled(own, f"{place}.{name}") for name, own in _named(schema, place).items()}

    def keeps(value: Any) -> bool:
        if isinstance(value, dict):
            for name, check in checks.items():
                if name in value and not check(value[name]):
                    return False
        return True

    return keeps


def _required(schema: Mapping[str, Any], place: str) -> Check:
    names = _list_of(schema["required"], place)
    if any(not isinstance(name, str) for name in names):
        raise InputError(f"{place}: a list of names is needed")
    needed = frozenset(names)
    return lambda value: not isinstance(value, dict) or needed <= value.keys()


def _additional_properties(schema: Mapping[str, Any], place: str) -> Check:
    known, check = frozenset(_named(schema, place)), _compiled(schema["additionalProperties"], place)
    return lambda value: not isinstance(value, dict) or all(check(value[name]) for name in value.keys() - known)


def _items(schema: Mapping[str, Any], place: str) -> Check:
    check = _compiled(schema["items"], place)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _enum(schema: Mapping[str, Any], place: str) -> Check:
    allowed = _list_of(schema["enum"], place)
    if all(isinstance(each, str) for each in allowed):
        texts = frozenset(allowed)
        return lambda value: isinstance(value, str) and value in texts
    return lambda value: any(equal(value, each) for each in allowed)


def _const(schema: Mapping[str, Any], _place: str) -> Check:
    wanted = schema["const"]
    return lambda value: equal(value, wanted)


def _any_of(schema: Mapping[str, Any], place: str) -> Check:
    checks = [_compiled(each, f"{place}[{number}]") for number, each in enumerate(_list_of(schema["anyOf"], place))]
    if not checks:
        raise InputError(f"{place}: at least one schema is needed")
    return lambda value: any(check(value) for check in checks)


_KEYWORDS: Final[dict[str, Callable[[Mapping[str, Any], str], Check]]] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional_properties,
    "items": _items,
    "enum": _enum,
    "const": _const,
    "anyOf": _any_of,
}


def _named(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    named = schema.get("properties", {})
    if not isinstance(named, dict):
        raise InputError(f"{place}: an object of schemas by name is needed")
    return named


def _list_of(given: Any, place: str) -> list[Any]:
    if not isinstance(given, list):
        raise InputError(f"{place}: a list is needed, not {json.dumps(given, default=str)}")
    return given
