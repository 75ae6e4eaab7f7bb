"""Which CSS class colours a path: a ladder runs from the palette's first colour (cheapest) to its last (full)."""

from typing import Final

PATH_COLOURS: Final = 7


def path_class(position: int, paths: int) -> str:
    """The class of the path at `position` (from 0) of a ladder with `paths` paths."""
    if paths <= 1:
        return f"path-{PATH_COLOURS}"
    return f"path-{1 + round(position * (PATH_COLOURS - 1) / (paths - 1))}"
