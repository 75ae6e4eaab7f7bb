"""Fields of a recipe with values at the edges of what is allowed, beyond them, of other types, and fields that there are not."""

import math
import types
from collections.abc import Iterator
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tasks.errors import UserError
from tasks.families.family import families
from tasks.recipe.yaml_text import parse_yaml
from tests.fuzz.base import Expected
from tests.fuzz.drawn import Drawn
from tests.fuzz.odd_yaml import written

_FOREIGN: Final = (
    None, "", "seven", "7", "1e3", "yes", "\0", "é" * 300, True, False, 0, 1, -1, 7, 10**30, 0.5, -0.0, 1e-320, 1e308,
    math.nan, math.inf, [], [1], ["a"], [[]], [None], {}, {"a": 1}, {"enabled": True},
)  # fmt: skip
_UNKNOWN: Final = (
    "epoch",
    "learningRate",
    "Batch-Size",
    "x",
    "é",
    "a b",
    "",
    "__class__",
    "model_config",
    "schema_file",
)


def odd_field(case: Drawn) -> None:
    """Sets one field of the recipe to some value, and says what is expected of that."""
    chance = case.chance
    if chance.random() < 0.15:
        _unknown_field(case)
        return
    path, field = chance.choice(list(fields_of(families()[case.family].recipe)))
    value = chance.choice([*_edges(field), *_edges(field), *_FOREIGN])
    _set(case.recipe, path, value)
    case.oddities.append(f"{'.'.join(path)} = {value!r:.60}")
    case.expected, case.names = (
        _expectation(field, value),
        (path[-1], *path[:1], *(["column"] if path[-1].endswith("_column") else [])),
    )


def fields_of(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """All fields below a model with their paths, sections included."""
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        yield (*path, name), field
        section = next((kind for kind in _kinds(field.annotation) if _is_section(kind)), None)
        if section is not None:
            yield from fields_of(section, (*path, name))


def _edges(field: FieldInfo) -> list[Any]:
    """Values at the bounds of a field and right beyond them, its choices, and lists of those."""
    values: list[Any] = []
    whole = int in _kinds(field.annotation) or "int" in str(field.annotation)
    for bound in _bounds(field):
        edge = next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))
        step = 1 if whole else max(abs(edge), 1e-9) * 1e-9
        values += [edge, edge + step, edge - step]
    for kind in _kinds(field.annotation):
        if get_origin(kind) is Literal:
            values += [*get_args(kind), str(get_args(kind)[0]).upper()]
    if "tuple" in str(field.annotation):
        values += [[value] for value in values] + [[value, value] for value in values]
    return values


def _bounds(field: FieldInfo) -> list[Any]:
    found = [item for item in field.metadata if isinstance(item, Ge | Gt | Le | Lt)]
    for kind in _kinds(field.annotation):
        for item in getattr(kind, "__metadata__", ()):
            found += [item] if isinstance(item, Ge | Gt | Le | Lt) else []
            found += [inner for inner in getattr(item, "metadata", ()) if isinstance(inner, Ge | Gt | Le | Lt)]
    return found


def _kinds(annotation: Any) -> list[Any]:
    """The members of a union, and of its tuples; otherwise the type alone."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType, tuple):
        return [kind for member in get_args(annotation) for kind in _kinds(member)]
    return [annotation]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _expectation(field: FieldInfo, value: object) -> Expected:
    """By the type of the field alone: its validators and its neighbours may refuse what this allows.

    By what YAML 1.2 makes of the value, for which 1e3 is a number, where the library that writes it leaves it unquoted as text.
    """
    try:
        read = parse_yaml(written({"value": value}), source="a drawn value")
        TypeAdapter(field.rebuild_annotation()).validate_python(read["value"] if isinstance(read, dict) else read)
    except (ValidationError, TypeError, UserError):
        return "error"
    return "either"


def _unknown_field(case: Drawn) -> None:
    sections = [
        (),
        *(
            path
            for path, field in fields_of(families()[case.family].recipe)
            if any(map(_is_section, _kinds(field.annotation)))
        ),
    ]
    section, name = case.chance.choice(sections), case.chance.choice(_UNKNOWN)
    _set(case.recipe, (*section, name), case.chance.choice(_FOREIGN))
    case.oddities.append(f"unknown field {'.'.join((*section, name))!r}")
    case.expected, case.names = "error", ("unknown field", "section of fields", *section)


def _set(section: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for name in path[:-1]:
        if not isinstance(section.get(name), dict):
            section[name] = {}
        section = section[name]
    section[path[-1]] = value
