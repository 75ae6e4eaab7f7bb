"""Reads recipes and targets from YAML into their frozen models.

Everything that can be wrong with the text becomes one UserError that names the file (or the `--set`), the field, the
value and what is allowed. Nothing here looks at data, models or the network.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from tasks.errors import UserError
from tasks.recipe.explain import dotted, explain, first_error, shown, unknown_field
from tasks.recipe.families import FAMILIES, Recipe
from tasks.recipe.overrides import Override, parse_override, with_override
from tasks.recipe.suggest import field_paths
from tasks.recipe.target import Target, target_file
from tasks.recipe.yaml_text import read_yaml

M = TypeVar("M", bound=BaseModel)

_OWN_TARGETS: Final = Path(__file__).parents[2] / "configs" / "targets"


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, the file it came from and the overrides it was given."""

    recipe: Recipe
    file: Path
    overrides: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """What relative paths in the recipe are relative to."""
        return self.file.parent


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """The recipe in `path` with `overrides` (`a.b=value`, in order) put over it.

    Raises UserError where the file cannot be read, is not YAML, or holds a field, type or value that is not allowed.
    """
    data = _mapping(path, "a recipe")
    given = tuple(parse_override(text) for text in overrides)
    for override in given:
        data = with_override(data, override)
    family = _family(data, path, given)
    for override in given:
        if ".".join(override.path) not in field_paths(family):
            raise UserError(unknown_field(override.path, family), file=override.label)
    return LoadedRecipe(_validated(family, data, path, given), path, tuple(overrides))


def load_target(name: str, recipe_file: Path | None = None) -> Target:
    """The target `name`: from `targets/` beside the recipe (without one: in the current folder), else the project's own.

    Raises UserError where there is none (naming those that there are), or where its file is not valid.
    """
    folder = recipe_file.parent if recipe_file else Path()
    file = target_file(name, folder) if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) else None
    if file is None or not file.is_file():
        known = sorted({path.stem for targets in (folder / "targets", _OWN_TARGETS) for path in targets.glob("*.yaml")})
        raise UserError(
            f"unknown target {shown(name)}; known: {', '.join(known)}. "
            f"A new one is a file {folder / 'targets' / 'NAME.yaml'}",
            file=recipe_file or "--target",
            field="targets" if recipe_file else None,
        )
    target = _validated(Target, _mapping(file, "a target"), file, ())
    if target.name != name:
        raise UserError(f"must be the file's name, {shown(name)}, not {shown(target.name)}", file=file, field="name")
    return target


def _mapping(path: Path, what: str) -> dict[str, object]:
    data = read_yaml(path)
    if not isinstance(data, dict):
        held = "the file is empty" if data is None else f"it holds {shown(data)}"
        raise UserError(f"not {what}: must be fields of the form `name: value`, but {held}", file=path)
    return data


def _family(data: Mapping[str, object], path: Path, overrides: Sequence[Override]) -> type[Recipe]:
    task = data.get("task")
    if isinstance(task, str) and task in FAMILIES:
        return FAMILIES[task]
    known = " or ".join(FAMILIES)
    if "task" not in data:
        raise UserError(f"this field is required; must be {known}", file=path, field="task")
    file, field = _source(("task",), path, overrides)
    raise UserError(f"unknown task family; must be {known}, not {shown(task)}", file=file, field=field)


def _validated(model: type[M], data: Mapping[str, object], path: Path, overrides: Sequence[Override]) -> M:
    try:
        valid = model.model_validate(data)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        error = first_error(errors)
        file, field = _source(error["loc"], path, overrides)
        others = len({other["loc"][:2] for other in errors} - {error["loc"][:2]})
        more = f" (and {others} more field{'s' * (others > 1)} to mend)" if others else ""
        raise UserError(explain(error, model) + more, file=file, field=field) from invalid
    for location in _booleans_read_as_numbers(data, valid):
        file, field = _source(location, path, overrides)
        raise UserError("must be a number, not true or false", file=file, field=field)
    return valid


def _booleans_read_as_numbers(data: Mapping[str, object], valid: BaseModel) -> list[tuple[str, ...]]:
    """Fields where pydantic took `true` for 1; only its strict mode would not, which also refuses lists for tuples."""
    found: list[tuple[str, ...]] = []
    for name, value in data.items():
        kept = getattr(valid, name)
        if isinstance(value, dict) and isinstance(kept, BaseModel):
            found += [(name, *deeper) for deeper in _booleans_read_as_numbers(value, kept)]
        elif isinstance(value, list):
            found += [(name,) for given in value if isinstance(given, bool)]
        elif isinstance(value, bool) and isinstance(kept, int | float) and not isinstance(kept, bool):
            found.append((name,))
    return found


def _source(location: Sequence[int | str], path: Path, overrides: Sequence[Override]) -> tuple[Path | str, str | None]:
    """What to name as the origin of a field: the last `--set` that touched it, else the file and the field."""
    for override in reversed(overrides):
        depth = min(len(location), len(override.path))
        if depth and tuple(location[:depth]) == override.path[:depth]:
            return override.label, None if len(location) <= len(override.path) else dotted(location)
    return path, dotted(location) or None
