"""Records out of JSON: one object per line, or one array of objects; the content tells which, not the file's name."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from tasks.data.raw import NOT_UTF8, RawRecord, Unit, as_bytes, has_escaped_bytes, missing_column
from tasks.data.text_files import opened_text
from tasks.errors import UserError
from tasks.hints import excerpt

BROKEN_JSON: Final = "is broken JSON"
NOT_AN_OBJECT: Final = "is not a JSON object"
KEY_TWICE: Final = "names a key more than once"

_BLANK: Final = " \t\r\n"


class _KeyTwiceDict(dict[str, object]):
    """An object that names a key more than once: nobody can say which value is meant."""


def read_json(path: Path, columns: Sequence[str], location: str) -> Iterator[RawRecord]:
    """Stream the records of a file; see `readers`."""
    seen: set[str] = set()
    first_names: list[str] | None = None
    with opened_text(path, location) as stream:
        for number, value, unit in _values(stream, location):
            record = _record(number, value, unit, columns)
            if isinstance(value, dict) and record.reason is None:
                seen.update(record.values)
                first_names = list(value) if first_names is None else first_names
            yield record
    for column in columns:
        if first_names is not None and column not in seen:
            raise missing_column(column, first_names, location)


def json_objects(path: Path, location: str) -> Iterator[dict[str, object]]:
    """The objects of a file, whole; what is none, or cannot be read, is left out."""
    with opened_text(path, location) as stream:
        for _, value, _ in _values(stream, location):
            if isinstance(value, dict) and not isinstance(value, _KeyTwiceDict):
                yield value


class _Unreadable:
    """In the place of a value: what stands there, and why it cannot be read."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason


def _values(stream: TextIO, location: str) -> Iterator[tuple[int, object, Unit]]:
    """All values with their number and what that counts."""
    is_first = True
    for number, line in enumerate(stream, start=1):
        content = line.strip(_BLANK)
        if not content:
            continue
        if is_first and content == "{":
            raise UserError(
                "holds one JSON object that goes over several lines; give one object per line, or an array of objects",
                file=location,
            )
        if is_first and content.startswith("[") and content[1:].lstrip(_BLANK)[:1] in ("", "{", "]"):
            yield from _array(line + stream.read(), number, location)
            return
        is_first = False
        yield number, _parsed_line(content), "line"


def _parsed_line(content: str) -> object:
    if has_escaped_bytes(content):
        return _Unreadable(content, NOT_UTF8)
    try:
        return _DECODER.decode(content)
    except (ValueError, RecursionError) as error:
        return _Unreadable(content, f"{BROKEN_JSON} ({_what(error)})")


def _array(text: str, first_line: int, location: str) -> Iterator[tuple[int, object, Unit]]:
    """The elements of the one array that a file holds; what follows a broken one cannot be made out."""
    position = _after_blanks(text, text.index("[") + 1)
    number = 0
    while text[position : position + 1] != "]" or number:
        number += 1
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _broken_array(text, position, first_line, number, _what(error), location) from error
        element = text[position:end]
        yield number, _Unreadable(element, NOT_UTF8) if has_escaped_bytes(element) else value, "row"
        position = _after_blanks(text, end)
        following = text[position : position + 1]
        if following == "]":
            break
        if following != ",":
            raise _broken_array(text, position, first_line, number, "Expecting ',' delimiter", location)
        position = _after_blanks(text, position + 1)
    if text[position + 1 :].strip(_BLANK):
        raise _broken_array(text, position + 1, first_line, number, "more follows the array", location)


def _broken_array(text: str, position: int, first_line: int, number: int, what: str, location: str) -> UserError:
    line = first_line + text.count("\n", 0, position)
    return UserError(f"line {line}, at row {number}: its JSON array is broken ({what})", file=location)


def _record(number: int, value: object, unit: Unit, columns: Sequence[str]) -> RawRecord:
    if isinstance(value, _Unreadable):
        return RawRecord(number, {}, value.reason, excerpt(as_bytes(value.text)), unit)
    if not isinstance(value, dict):
        return RawRecord(number, {}, NOT_AN_OBJECT, excerpt(value), unit)
    if isinstance(value, _KeyTwiceDict):
        return RawRecord(number, {}, KEY_TWICE, excerpt(dict(value)), unit)
    return RawRecord(number, {column: value[column] for column in columns if column in value}, unit=unit)


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANK:
        position += 1
    return position


def _what(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _KeyTwiceDict(found)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object)
