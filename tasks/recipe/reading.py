"""From YAML to frozen models: everything that can be wrong with the text becomes one error.

A UserError names the file (or the `--set`), the field, the value and what is allowed. Nothing here looks at data, models or
the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tasks.errors import UserError
from tasks.recipe.explain import dotted, explain, first_error, shown
from tasks.recipe.overrides import Override
from tasks.recipe.schema import Recipe
from tasks.recipe.yaml_text import read_yaml

M = TypeVar("M", bound=BaseModel)


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


def read_mapping(path: Path, what: str) -> dict[str, object]:
    """The fields of `what`. Raises UserError where the file cannot be read, is not YAML, or holds no fields."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        held = "the file is empty" if data is None else f"it holds {shown(data)}"
        raise UserError(f"not {what}: must be fields of the form `name: value`, but {held}", file=path)
    return data


def validated(model: type[M], data: Mapping[str, object], path: Path, overrides: Sequence[Override]) -> M:
    """The model of the fields in `path`, with `overrides` put over them. Raises UserError for what is not allowed."""
    try:
        valid = model.model_validate(data)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        error = first_error(errors)
        file, field = source_of(error["loc"], path, overrides)
        others = len({other["loc"][:2] for other in errors} - {error["loc"][:2]})
        more = f" (and {others} more field{'s' * (others > 1)} to mend)" if others else ""
        raise UserError(explain(error, model) + more, file=file, field=field) from invalid
    for location in _booleans_read_as_numbers(data, valid):
        file, field = source_of(location, path, overrides)
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


def source_of(
    location: Sequence[int | str], path: Path, overrides: Sequence[Override]
) -> tuple[Path | str, str | None]:
    """What to name as the origin of a field: the last `--set` that touched it, else the file and the field."""
    for override in reversed(overrides):
        depth = min(len(location), len(override.path))
        if depth and tuple(location[:depth]) == override.path[:depth]:
            return override.label, None if len(location) <= len(override.path) else dotted(location)
    return path, dotted(location) or None
