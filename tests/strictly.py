"""JSON as other languages' parsers take it: what Python's own parser lets through beside it is an error."""

import json
from typing import Any


def strictly(text: str) -> Any:
    """What the text says. Raises ValueError for NaN and infinities, which are no JSON."""
    return json.loads(text, parse_constant=_refuse)


def strict_lines(text: str) -> list[Any]:
    """One document a line."""
    return [strictly(line) for line in text.splitlines()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
