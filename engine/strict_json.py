"""JSON as the standard has it (RFC 8259): every document of the project is written and read here, and none holds a NaN.

Python's own writer and reader let NaN and Infinity pass, which no other reader takes. A record with a number that is not
finite writes the number's name as a string (tasks.artifact.Record); anything else that holds one is refused.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


def dumps(
    document: object,
    *,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
    ascii_only: bool = False,
    default: Callable[[Any], Any] | None = None,
) -> str:
    """The document as JSON, characters as they are, or `ascii_only`: with half a surrogate pair no other text can be written.

    `default`: of what JSON has no form for. ValueError where a number is not finite.
    """
    return json.dumps(
        document,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        ensure_ascii=ascii_only,
        allow_nan=False,
        default=default,
    )


def loads(text: str | bytes) -> Any:
    """The one value in the text. ValueError for what is no JSON, and for a number that no finite float is."""
    return json.loads(text, parse_constant=refuse_constant, parse_float=_finite)


def write(file: Path, document: object, *, indent: int | None = 1) -> None:
    """Write the document to a file. ValueError where a number is not finite; nothing is written then."""
    file.write_text(dumps(document, indent=indent), encoding="utf-8")


def read(file: Path) -> Any:
    """What the file holds. ValueError as `loads`, OSError where it cannot be read."""
    return loads(file.read_text(encoding="utf-8"))


def refuse_constant(constant: str) -> NoReturn:
    """For a reader's `parse_constant`."""
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is larger than any finite number")
    return number
