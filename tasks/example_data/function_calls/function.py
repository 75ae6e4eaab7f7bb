"""What the grammar of function calls is made of: functions, their parameters with JSON Schemas, and argument values.

A value is drawn together with its writing, so a request and its call always agree: the request is a template in which
the values' writings stand, the call holds their arguments.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from engine import strict_json

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """An argument as the request writes it, and as the call holds it (any JSON value).

    `copied`: all strings of the argument stand in `written` letter for letter, in the case in which they are typed there.
    Of other values a rule makes the argument ("3 pm" is "15:00"), and the case of the request says nothing.
    """

    written: str
    argument: Any
    copied: bool = False

    def lower(self) -> "Value":
        """The value as somebody writes it who never uses capitals."""
        return Value(self.written.lower(), _lower(self.argument) if self.copied else self.argument, self.copied)


Draw = Callable[[Random], Value]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function: its JSON Schema, how its values are drawn, and whether a call can do without it."""

    schema: Schema
    draw: Draw
    required: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and templates of requests for it.

    Templates refer to parameters by name. `short` ones are regular and name few of them; `long` ones name several, in
    other orders. `incomplete` holds, by the one required parameter that they leave out, requests that cannot be served.
    """

    name: str
    description: str
    domain: str
    parameters: Mapping[str, Parameter]
    short: tuple[str, ...]
    long: tuple[str, ...]
    incomplete: Mapping[str, tuple[str, ...]]

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the required parameters, in order."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.required)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the function's arguments; the order of the properties is that in calls."""
        properties = {name: dict(parameter.schema) for name, parameter in self.parameters.items()}
        return object_schema(properties, self.required)


def object_schema(properties: Mapping[str, Schema], required: Iterable[str] | None = None) -> dict[str, Any]:
    """The schema of an object of these properties and no others; all are required unless said otherwise."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """A function call in its one canonical writing: compact JSON, keys in the order of the schemas."""
    return strict_json.dumps({"function": name, "arguments": dict(arguments)}, separators=(",", ":"))


def _lower(argument: Any) -> Any:
    if isinstance(argument, str):
        return argument.lower()
    if isinstance(argument, list):
        return [_lower(item) for item in argument]
    if isinstance(argument, dict):
        return {key: _lower(item) for key, item in argument.items()}
    return argument
