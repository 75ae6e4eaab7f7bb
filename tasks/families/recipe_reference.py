"""The reference of the recipe, docs/recipe.md, as the models of recipes and targets have it.

    python -m tasks.families.recipe_reference > docs/recipe.md

What a field means stands in the docstring of its section, as `name`: and a sentence; type, default and bounds are pydantic's.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tasks.families.family import families
from tasks.recipe.schema import Recipe
from tasks.recipe.section import Section
from tasks.recipe.target import Target

_DEFINES: Final = re.compile(r"(?:^|(?<=\n)|(?<=[.;:,] ))((?:`\w+`(?:, | and )?)+): ")
"""`name`: or `name`, `other`: where a sentence or a part of one begins."""
_BOUNDS: Final = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
_WORDS: Final = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
_HEAD: Final = """# Recipe reference

Every field of a recipe and of a target file. An unknown field is an error; `--set section.field=value` sets one from the command
line. How recipes are written by hand: [your own data](how-to/own-data.md).

This page is made of the models that check them. To write it anew:

```bash
python -m tasks.families.recipe_reference > docs/recipe.md
```
"""


def reference() -> str:
    """The page, as Markdown."""
    known = families()
    common = {name: field for name, field in Recipe.model_fields.items() if name not in _said_by_families()}
    parts = [_HEAD, "## Every recipe\n", _described(Recipe, common), *_sections(Recipe, common, 3)]
    for task in sorted(known):
        recipe = known[task].recipe
        own = {name: field for name, field in recipe.model_fields.items() if name not in common}
        parts += [f"## `task: {task}`\n", _described(recipe, own, beyond=Recipe)]
        parts += _sections(recipe, own, 3, of=f" of {task}")
    parts += ["## Target files\n", _described(Target, Target.model_fields), *_sections(Target, Target.model_fields, 3)]
    return "\n".join(parts)


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What each field of a section means, by the docstrings of the section and of those that it extends."""
    found: dict[str, str] = {}
    for text in _docstrings(model):
        matches = list(_DEFINES.finditer(text))
        ends = [match.start() for match in matches[1:]] + [len(text)]
        for match, end in zip(matches, ends, strict=False):
            meaning = text[match.end() : end].split("\n\n")[0].strip(" ;,:.")
            found |= dict.fromkeys(re.findall(r"\w+", match[1].replace(" and ", ", ")), meaning)
    return found


def _said_by_families() -> set[str]:
    """The common fields that every family says more of."""
    recipes = [family.recipe for family in families().values()]
    common = Recipe.model_fields
    return {
        name
        for name in common
        if any(recipe.model_fields[name].annotation != common[name].annotation for recipe in recipes)
    }


def _sections(
    model: type[BaseModel], fields: Mapping[str, FieldInfo], level: int, *, above: str = "", of: str = ""
) -> Iterator[str]:
    for name, field in fields.items():
        place = f"{above}{field.alias or name}"
        for section in _models_in(field.annotation):
            yield f"{'#' * level} `{place}`{of}\n"
            yield _described(section, section.model_fields)
            yield from _sections(section, section.model_fields, level + 1, above=f"{place}.", of=of)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _described(model: type[BaseModel], fields: Mapping[str, FieldInfo], *, beyond: type[BaseModel] = Section) -> str:
    """What the section is for, beyond what was said of one that it extends, and a table of its fields."""
    said, properties = meanings(model), model.model_json_schema()["properties"]
    lines = [*_introductions(model, beyond), "| field | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    for name, field in fields.items():
        shown = field.alias or name
        schema, section = properties[shown], bool(_models_in(field.annotation))
        cells = [
            f"`{shown}`",
            _type(schema),
            _default(field, section=section),
            _allowed(schema),
            _as_yaml(said.get(shown, "")),
        ]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _docstrings(model: type[BaseModel], beyond: type[BaseModel] = Section) -> list[str]:
    """Of the section and of those that it extends, the most general first; each paragraph on one line."""
    own = [cls for cls in reversed(model.__mro__) if issubclass(cls, BaseModel) and not issubclass(beyond, cls)]
    paragraphs = [[" ".join(part.split()) for part in (cls.__doc__ or "").split("\n\n")] for cls in own]
    return ["\n\n".join(part for part in parts if part) for parts in paragraphs]


def _introductions(model: type[BaseModel], beyond: type[BaseModel]) -> list[str]:
    """What the docstrings say before the first field."""
    before = [_DEFINES.split(text, maxsplit=1)[0] for text in _docstrings(model, beyond)]
    return [f"{_as_yaml(part)}\n" for text in before for part in text.split("\n\n") if part.strip()]


def _as_yaml(text: str) -> str:
    """As a recipe has it: Python's None is YAML's null."""
    return re.sub(r"\bNone\b", "`null`", text.strip())


def _type(schema: Mapping[str, Any]) -> str:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return " or ".join(dict.fromkeys(_one_type(kind) for kind in kinds))


def _one_type(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "$ref" in schema:
        return "section"
    if schema.get("type") == "object":
        return f"names with {_type(schema['additionalProperties'])}"
    return _WORDS[schema.get("type", "string")]


def _default(field: FieldInfo, *, section: bool) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or (section and value is not None):
        return "as below"
    return _shown(value)


def _shown(value: object) -> str:
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _allowed(schema: Mapping[str, Any]) -> str:
    found = []
    for kind in schema.get("anyOf", [schema]):
        given = kind.get("items", {}) if kind.get("type") == "array" else kind
        found += [f"{sign} {given[bound]}" for bound, sign in _BOUNDS.items() if bound in given]
        found += [", ".join(f"`{each}`" for each in given.get("enum", [given["const"]] if "const" in given else []))]
        found += [f"`{given['pattern']}`"] if "pattern" in given else []
        found += [f"at least {kind['minItems']} of them"] if "minItems" in kind else []
    return ", ".join(part for part in found if part)


if __name__ == "__main__":
    sys.stdout.write(reference())
