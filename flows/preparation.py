"""All that can be wrong with a recipe, its targets, sources and base model, found before anything is started."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.home import Home
from tasks.errors import UserError
from tasks.recipe import Recipe, Target
from tasks.recipe.load import LoadedRecipe, load_recipe, load_target

if TYPE_CHECKING:
    from tasks.base_model import BaseModelFiles
    from tasks.data.sources import Source


@dataclass(frozen=True)
class PreparedRun:
    """A recipe with everything it names, found and hashed, and what has landed for it.

    `judged`: landed sources that the router is calibrated and judged by, and that nothing is trained on.
    """

    loaded: LoadedRecipe
    targets: tuple[Target, ...]
    sources: "tuple[Source, ...]"
    judged: "tuple[Source, ...]"
    base: "BaseModelFiles"

    @property
    def recipe(self) -> Recipe:
        """The recipe itself."""
        return self.loaded.recipe


def prepare(recipe_file: Path, overrides: Sequence[str], home: Home) -> PreparedRun:
    """Reads the recipe and finds what it names. Raises UserError for whatever is wrong or missing."""
    loaded = load_recipe(recipe_file, overrides)
    targets = tuple(load_target(name, recipe_file) for name in dict.fromkeys(loaded.recipe.targets))
    for target in targets:
        if target.work_pool is not None:
            raise UserError(
                f"the target {target.name} names the work pool {target.work_pool!r}, which cannot be used yet; "
                "run on that machine, with a target that names none",
                file=recipe_file,
                field="targets",
            )
    from flows.landed_data import landed_data
    from tasks.base_model import resolve_base_model
    from tasks.data.sources import resolve_sources

    sources = resolve_sources(loaded.recipe.data, recipe_file=recipe_file, home=home.folder)
    try:
        landed = landed_data(home, loaded.recipe.name, loaded.recipe.data)
    except UserError as error:
        raise error if error.file else UserError(str(error), file=recipe_file) from error
    try:
        base = resolve_base_model(loaded.recipe.base_model, recipe_folder=loaded.folder)
    except UserError as error:
        raise error if error.file else UserError(str(error), file=recipe_file) from error
    return PreparedRun(loaded, targets, (*sources, *landed.trained), landed.judged, base)
