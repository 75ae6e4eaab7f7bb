"""The reference of all recipes, out of their models: `python -m tasks.families.recipe_reference > docs/recipe.md`."""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.families.family import families
from tasks.recipe.schema import Recipe
from tasks.recipe.target import Target

_HEAD: Final = """\
# Every field of a recipe

Made from the recipe's models by `python -m tasks.families.recipe_reference > docs/recipe.md`; a test compares. A field that is
not here is an error that names the nearest one. Any of them can be given on the command line, too: `--set fine_tune.epochs=3`.
"""
_COMPARISONS: Final = (
    ("minimum", "at least {}"), ("exclusiveMinimum", "above {}"), ("maximum", "at most {}"), ("exclusiveMaximum", "below {}"),
    ("minItems", "at least {} of them"),
)  # fmt: skip
_TYPES: Final = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def reference() -> str:
    """The page."""
    shared = {name for name in Recipe.model_fields if name not in ("data", "base_model", "gates", "task")}
    parts = [_HEAD, "## In the recipes of every family\n", *_fields(Recipe, shared)]
    for name, section in _sections(Recipe, shared):
        parts += [f"### `{name}`\n", *_section(section)]
    for task, family in families().items():
        own = set(family.recipe.model_fields) - shared
        parts += [f"## `task: {task}`\n", f"{_text(family.recipe)}\n", *_fields(family.recipe, own)]
        for name, section in _sections(family.recipe, own):
            parts += [f"### `{name}` of {task}\n", *_section(section)]
    parts += ["## Targets\n", *_section(Target)]
    return "\n".join(parts).rstrip() + "\n"


def _section(model: type[BaseModel]) -> Iterator[str]:
    yield f"{_text(model)}\n"
    yield from _fields(model, set(model.model_fields))
    for name, deeper in _sections(model, set(model.model_fields)):
        yield f"**`{name}`**: {_text(deeper)}\n"
        yield from _fields(deeper, set(deeper.model_fields))


def _fields(model: type[BaseModel], wanted: set[str]) -> list[str]:
    """A table, one field a row."""
    schema = model.model_json_schema(by_alias=True)
    rows = ["| field | value | default |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in wanted:
            shown = field.alias or name
            rows.append(f"| `{shown}` | {_value(schema['properties'][shown], schema)} | {_default(field)} |")
    return ["\n".join(rows) + "\n"]


def _sections(model: type[BaseModel], wanted: set[str]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        if name in wanted and (section := _model_in(field.annotation)) is not None:
            yield field.alias or name, section


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The section that a field holds, or a list of which it holds."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None


def _value(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        target = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return "section" if "properties" in target else _value(target, whole)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_value(option, whole) for option in schema["anyOf"]))
    if "allOf" in schema:
        return _value(schema["allOf"][0], whole)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "null":
        return "null"
    if kind == "array":
        items = schema.get("items") or {}
        said = f"list of {_value(items, whole)}" if items else "list"
    elif kind == "object":
        said = "mapping"
    else:
        said = _TYPES.get(str(kind), "any value")
    limits = [text.format(f"{schema[key]:,}".removesuffix(".0")) for key, text in _COMPARISONS if key in schema]
    return f"{said}, {', '.join(limits)}" if limits else said


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, tuple):
        return f"`{json.dumps([entry for entry in value if not isinstance(entry, BaseModel)])}`"
    return f"`{json.dumps(value)}`"


def _text(model: type[BaseModel]) -> str:
    """The docstring, each paragraph on a line of its own."""
    paragraphs = inspect.cleandoc(model.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return re.sub(r"\bNone\b", "null", text)


if __name__ == "__main__":
    sys.stdout.write(reference())
