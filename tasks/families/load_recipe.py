"""Reads a recipe into the model of the task family that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.errors import UserError
from tasks.families.family import families
from tasks.recipe.explain import shown, unknown_field
from tasks.recipe.overrides import Override, parse_override, with_override
from tasks.recipe.reading import LoadedRecipe, read_mapping, source_of, validated
from tasks.recipe.schema import Recipe
from tasks.recipe.suggest import field_paths


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """The recipe in `path` with `overrides` (`a.b=value`, in order) put over it.

    Raises UserError where the file cannot be read, is not YAML, or holds a field, type or value that is not allowed.
    """
    data = read_mapping(path, "a recipe")
    given = tuple(parse_override(text) for text in overrides)
    for override in given:
        data = with_override(data, override)
    family = _recipe_type(data, path, given)
    for override in given:
        if ".".join(override.path) not in field_paths(family):
            raise UserError(unknown_field(override.path, family), file=override.label)
    return LoadedRecipe(validated(family, data, path, given), path, tuple(overrides))


def _recipe_type(data: Mapping[str, object], path: Path, overrides: Sequence[Override]) -> type[Recipe]:
    task = data.get("task")
    known = families()
    if isinstance(task, str) and task in known:
        return known[task].recipe
    names = " or ".join(known)
    if "task" not in data:
        raise UserError(f"this field is required; must be {names}", file=path, field="task")
    file, field = source_of(("task",), path, overrides)
    raise UserError(f"unknown task family; must be {names}, not {shown(task)}", file=file, field=field)
