"""Function calls: all functions, and the JSON Schema of every call that there can be."""

from collections.abc import Mapping
from typing import Any, Final

from tasks.example_data.function_calls.calendar_functions import CALENDAR
from tasks.example_data.function_calls.communication_functions import COMMUNICATION
from tasks.example_data.function_calls.function import Function, object_schema
from tasks.example_data.function_calls.health_functions import HEALTH
from tasks.example_data.function_calls.home_functions import HOME
from tasks.example_data.function_calls.money_functions import MONEY_FUNCTIONS
from tasks.example_data.function_calls.refusals import INCOMPLETE, NONE, UNSUPPORTED
from tasks.example_data.function_calls.shopping_functions import SHOPPING
from tasks.example_data.function_calls.travel_functions import TRAVEL

FUNCTIONS: Final[tuple[Function, ...]] = (*CALENDAR, *COMMUNICATION, *MONEY_FUNCTIONS, *TRAVEL, *HOME, *SHOPPING)
HELD_BACK_FUNCTIONS: Final[tuple[Function, ...]] = HEALTH
"""Functions that no part but `held_back` calls."""


def call_schema(functions: tuple[Function, ...] = FUNCTIONS) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a completion: a call of one of the functions, or a refusal with its reason."""
    missing = sorted({name for function in functions for name in function.incomplete})
    refusals = (
        object_schema({"reason": {"const": UNSUPPORTED}}),
        object_schema({"reason": {"const": INCOMPLETE}, "missing": {"type": "string", "enum": missing}}),
    )
    calls = [_call(function.name, function.schema()) for function in functions]
    return {"anyOf": [*calls, *(_call(NONE, refusal) for refusal in refusals)]}


def _call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return object_schema({"function": {"const": name}, "arguments": arguments})
