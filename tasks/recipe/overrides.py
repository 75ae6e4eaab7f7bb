"""`--set a.b=value`: one field of a recipe given on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.recipe.explain import one_line, shown
from tasks.recipe.yaml_text import parse_yaml


@dataclass(frozen=True)
class Override:
    """One override: the dotted path's parts and the value, read as YAML."""

    path: tuple[str, ...]
    value: object

    @property
    def label(self) -> str:
        """What a person typed it as; stands where a message would name the file."""
        return f"--set {one_line('.'.join(self.path))}"


def parse_override(text: str) -> Override:
    """Reads `a.b=value`. Raises UserError where it is not of that form."""
    name, equals, value = text.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    if not equals or not all(path):
        raise UserError("must be of the form a.b=value", file=f"--set {shown(text)}")
    if any(part.isdigit() or "[" in part for part in path):
        raise UserError("a list is set as a whole: a.b=[x, y]", file=f"--set {shown(name)}")
    override = Override(path, None)
    try:
        return Override(path, parse_yaml(value, source=override.label))
    except UserError as error:
        raise UserError(f"{error} (if text is meant, quote it: {'.'.join(path)}='\"…\"')") from error


def with_override(data: dict[str, object], override: Override) -> dict[str, object]:
    """A copy of `data` in which the override's field has its value; sections that are missing are made."""
    return _with_value(data, override, override.path)


def _with_value(section: dict[str, object], override: Override, rest: Sequence[str]) -> dict[str, object]:
    head, *deeper = rest
    if not deeper:
        return {**section, head: override.value}
    below = section.get(head)
    if below is not None and not isinstance(below, dict):
        held = ".".join(override.path[: len(override.path) - len(deeper)])
        raise UserError(f"{one_line(held)} is {shown(below)}, not a section of fields", file=override.label)
    return {**section, head: _with_value(below or {}, override, deeper)}
