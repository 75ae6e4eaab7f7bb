"""Reads a target's file."""

import re
from pathlib import Path

from tasks.errors import UserError
from tasks.recipe.explain import shown
from tasks.recipe.reading import read_mapping, validated
from tasks.recipe.target import OWN_TARGETS, Target, target_file


def load_target(name: str, recipe_file: Path | None = None) -> Target:
    """The target `name`: from `targets/` beside the recipe (without one: in the current folder), else the project's own.

    Raises UserError where there is none (naming those that there are), or where its file is not valid.
    """
    folder = recipe_file.parent if recipe_file else Path()
    file = target_file(name, folder) if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) else None
    if file is None or not file.is_file():
        known = sorted({path.stem for targets in (folder / "targets", OWN_TARGETS) for path in targets.glob("*.yaml")})
        raise UserError(
            f"unknown target {shown(name)}; known: {', '.join(known)}. "
            f"A new one is a file {folder / 'targets' / 'NAME.yaml'}",
            file=recipe_file or "--target",
            field="targets" if recipe_file else None,
        )
    target = validated(Target, read_mapping(file, "a target"), file, ())
    if target.name != name:
        raise UserError(f"must be the file's name, {shown(name)}, not {shown(target.name)}", file=file, field="name")
    return target
